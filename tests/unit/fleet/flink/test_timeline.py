"""
The order in which a detector takes events, and how it goes on after a failure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from hypothesis import given
from hypothesis import strategies as st

from fleet.flink.timeline import Moment, Timeline
from fleet.incidents import publish
from tests.shared.fleet_events import death, kernel_event, status

SERVICES: Final = {(f"s{number}", "sha256:a"): 2 for number in range(3)}


@dataclass(frozen=True)
class Step:
    """
    An event that arrives, and what the job does then.
    """

    second: int
    kind: str
    host: str
    advances: bool
    fails: bool


STEPS: Final = st.lists(
    st.builds(
        Step,
        second=st.integers(0, 900),
        kind=st.sampled_from(["status", "s0", "s1", "s2", "kernel"]),
        host=st.sampled_from("ab"),
        advances=st.booleans(),
        fails=st.booleans(),
    ),
    max_size=40,
)


class Job:
    """
    A timeline with its state, as Flink keeps it.
    """

    def __init__(self) -> None:
        self.timeline = Timeline()
        self.snapshot: bytes | None = None
        self.events: dict[Moment, bytes] = {}
        self.names: dict[int, list[str]] = {}

    def add(self, second: int, event: dict[str, Any]) -> None:
        body = orjson.dumps(event)
        moment = self.timeline.add(second * 1000, event["id"], body)
        if moment is not None:
            self.events[moment] = body

    def advance(self, second: int, *, with_snapshot: bool) -> list[dict[str, Any]]:
        found = [publish(incident) for incident in self.timeline.advance(second * 1000)]
        if with_snapshot:
            self.snapshot, contained = self.timeline.snapshot()
            for moment in contained:
                del self.events[moment]
            self.names.setdefault(self.timeline.taken_ms, []).extend(moment.name for moment in contained)
        return found

    def fail(self) -> None:
        self.timeline = Timeline(self.snapshot, self.events, self.timeline.taken_ms, self.names)


def event_of(step: Step) -> dict[str, Any]:
    match step.kind:
        case "status":
            return status(step.host, step.second, SERVICES)
        case "kernel":
            return kernel_event(step.host, step.second, "filesystem_error")
        case service:
            return death(step.host, step.second, service)


def incidents(steps: Sequence[Step], *, with_failures: bool) -> list[dict[str, Any]]:
    job, found = Job(), []
    for step in steps:
        job.add(step.second, event_of(step))
        if step.advances:
            found += job.advance(step.second, with_snapshot=step.fails and with_failures)
        if step.fails and with_failures:
            job.fail()
    return found + job.advance(1000, with_snapshot=False)


@given(STEPS)
def test_failures_change_nothing(steps: list[Step]) -> None:
    """
    Whenever the job fails, it goes on from snapshot and events as if nothing had happened.
    """
    assert incidents(steps, with_failures=True) == incidents(steps, with_failures=False)


@given(STEPS, st.randoms(use_true_random=False))
def test_incidents_do_not_depend_on_how_partitions_interleave(steps: list[Step], rng: Any) -> None:  # noqa: ANN401
    """
    Events that are there before their time has come are taken in the order of time, whichever came first.
    """
    shuffled = list(steps)
    rng.shuffle(shuffled)
    job, other = Job(), Job()
    for step in steps:
        job.add(step.second, event_of(step))
    for step in shuffled:
        other.add(step.second, event_of(step))
    assert job.advance(1000, with_snapshot=False) == other.advance(1000, with_snapshot=False)


@given(STEPS, st.integers(0, 40))
def test_an_event_that_comes_again_is_known(steps: list[Step], taken: int) -> None:
    """
    Wherever it is: waiting, taken since the last snapshot, or in one; and after a failure.
    """
    job = Job()
    for number, step in enumerate(steps):
        job.add(step.second, event_of(step))
        if number == taken:
            job.advance(450, with_snapshot=True)
        if step.fails:
            job.fail()
    assert all(job.timeline.add(9_000_000, event_of(step)["id"], b"{}") is None for step in steps)


def test_an_id_is_forgotten_in_the_end() -> None:
    """
    Whole snapshots at a time; what came in the remembered time is known.
    """
    timeline = Timeline(remember_ms=1000)
    timeline.add(1000, "old", b"{}")
    timeline.add(2500, "new", b"{}")
    timeline.advance(3000)
    timeline.snapshot()
    assert timeline.add(5000, "old", b"{}") is not None
    assert timeline.add(5000, "new", b"{}") is None


def test_an_event_of_the_far_future_does_not_keep_all_ids_in_memory() -> None:
    """
    A record's time is what its sender says: with a wrong clock it waits for years. Its own id is known as long.
    """
    timeline = Timeline(remember_ms=1000)
    timeline.add(10**15, "future", b"{}")
    timeline.add(1000, "old", b"{}")
    timeline.add(2500, "new", b"{}")
    timeline.advance(3000)
    timeline.snapshot()
    assert timeline.add(5000, "old", b"{}") is not None
    assert timeline.add(5000, "new", b"{}") is None
    assert timeline.add(5000, "future", b"{}") is None


def test_an_event_that_is_late_is_taken_next() -> None:
    """
    It is not lost, and time does not run backwards.
    """
    timeline = Timeline()
    timeline.add(5000, "first", b"{}")
    timeline.advance(5000)
    assert timeline.add(2000, "late", b"{}") == Moment(5001, "late")

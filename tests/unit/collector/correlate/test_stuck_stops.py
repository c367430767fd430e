"""
A kill that does not end is reported once, with what holds it, and once more when it has ended.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.correlate.container_record import ContainerRecord
from collector.correlate.runs import Run, SignalSent
from collector.correlate.stuck_stops import StopReason, StuckStop, StuckStops, reason_of
from collector.facts.stops import KilledTask, PendingKillFact
from sinks.event import Confidence
from tests.unit.collector.correlate.scene import A, ns

MAIN = KilledTask(pid=4000, tid=4000, name="hog", state="D", main=True, wchan="nfs_wait_bit_killable")


def reading(at_s: float, *tasks: KilledTask, frozen: bool | None = None) -> PendingKillFact:
    return PendingKillFact(container_id=A, at_ns=ns(at_s), tasks=tasks, frozen=frozen)


def followed(*seconds: float, record: ContainerRecord | None = None) -> list[StuckStop]:
    """
    Return what is reported while a task is seen to be killed at these times.
    """
    stops = StuckStops()
    return [stuck for at_s in seconds for stuck in stops.feed(reading(at_s, MAIN), record)]


def task(state: str, **fields: object) -> KilledTask:
    return KilledTask(pid=1, tid=1, name="hog", state=state, **fields)  # type: ignore[arg-type]


def test_a_kill_that_lasts_15_s_is_reported_once() -> None:
    """
    Time is that of the readings.
    """
    (stuck,) = followed(*range(60))
    assert (stuck.since_ns, stuck.at_ns, stuck.resolved) == (ns(0), ns(15), False)
    assert stuck.reason is StopReason.UNINTERRUPTIBLE
    assert not stuck.sent_by_docker


def test_a_short_kill_is_not_reported() -> None:
    """
    Most kills end before the next reading.
    """
    stops = StuckStops()
    assert (
        stops.feed(reading(0, MAIN), None) + stops.feed(reading(14, MAIN), None) + stops.feed(reading(15), None) == []
    )


def test_the_end_is_reported_once() -> None:
    """
    With the reason that was published.
    """
    stops = StuckStops()
    found = [
        stops.feed(reading(at_s, *tasks), None) for at_s, tasks in ((0, (MAIN,)), (20, (MAIN,)), (90, ()), (95, ()))
    ]
    assert [[(stuck.resolved, stuck.at_ns) for stuck in each] for each in found] == [
        [],
        [(False, ns(20))],
        [(True, ns(90))],
        [],
    ]


def test_time_counts_from_the_sigkill_of_docker() -> None:
    """
    Docker's own record says when it was sent, before /proc was read.
    """
    run = Run(container_id=A, started_at_ns=ns(-100), signals=[SignalSent(at_ns=ns(-9), signal=9)])
    (stuck,) = followed(0, 6, 7, record=ContainerRecord(id=A, runs=[run]))
    assert (stuck.since_ns, stuck.at_ns, stuck.sent_by_docker) == (ns(-9), ns(6), True)


def test_a_gap_in_the_readings_begins_a_new_kill() -> None:
    """
    After a minute without a reading nobody knows whether it is the same kill.
    """
    assert followed(0, 70, 80) == []


def test_a_gap_does_not_report_a_stuck_kill_again() -> None:
    """
    What was reported lasts until its end is seen.
    """
    assert len(followed(0, 20, 200, 220, 240)) == 1


@pytest.mark.parametrize(
    ("tasks", "frozen", "reason", "confidence"),
    [
        ((task("D"),), True, StopReason.FROZEN, Confidence.CERTAIN),
        ((task("Z", tracer_pid=7),), False, StopReason.TRACED, Confidence.CERTAIN),
        ((task("t", tracer_pid=7),), None, StopReason.TRACED, Confidence.CERTAIN),
        ((task("S"), task("D")), False, StopReason.UNINTERRUPTIBLE, Confidence.LIKELY),
        ((task("Z", parent_pid=9),), None, StopReason.NOT_COLLECTED, Confidence.LIKELY),
        ((task("R"),), None, StopReason.NO_CPU, Confidence.POSSIBLE),
        ((task("S"),), None, StopReason.UNKNOWN, Confidence.POSSIBLE),
        ((task("D", tracer_pid=7),), None, StopReason.UNINTERRUPTIBLE, Confidence.LIKELY),
    ],
)
def test_what_holds_a_task(
    tasks: tuple[KilledTask, ...], *, frozen: bool | None, reason: StopReason, confidence: Confidence
) -> None:
    """
    A frozen cgroup explains everything in it; a tracer only what it has stopped; else the state of a task counts.
    """
    found, shown, sure = reason_of(reading(0, *tasks, frozen=frozen))
    assert (found, sure) == (reason, confidence)
    assert shown in tasks


STEPS = st.lists(st.tuples(st.floats(0, 100), st.booleans()), max_size=30)


@given(STEPS)
def test_beginnings_and_ends_alternate(steps: list[tuple[float, bool]]) -> None:
    """
    Whatever is read, a stuck kill is reported before its end, each once, and never before 15 s.
    """
    stops, now_s, found = StuckStops(), 0.0, []
    for wait_s, is_pending in steps:
        now_s += wait_s
        found += stops.feed(reading(now_s, *([MAIN] if is_pending else [])), None)
    published = [stuck for stuck in found if not stuck.resolved]
    assert all(stuck.at_ns - stuck.since_ns >= 15_000_000_000 for stuck in published)
    assert len({stuck.since_ns for stuck in published}) == len(published)
    ends = [stuck.since_ns for stuck in found if stuck.resolved]
    assert len(ends) == len(set(ends))
    assert set(ends) <= {stuck.since_ns for stuck in published}

"""
The detector of fleet incidents: it can be saved at any time, and its result does not depend on how often it is asked.
"""

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.incidents import Detector, Incident, publish
from tests.shared.fleet_events import at, death, kernel_event, kill, status

HOSTS = st.sampled_from("abcd")
SERVICES = st.sampled_from(["s0", "s1", "s2", "s3"])
DIGESTS = st.sampled_from(["sha256:a", "sha256:a", "sha256:b"])
CAUSES = st.sampled_from(["app_error", "oom_kill", "crash", "docker_stop", "host_reboot"])
PAUSES_S = st.sampled_from([0.0, 1.0, 20.0, 60.0, 600.0, 7200.0])


@dataclass(frozen=True)
class Step:
    """
    Something that happens after a pause, and how late its event arrives.
    """

    pause_s: float
    late_s: float
    kind: str
    host: str
    service: str
    digest: str
    cause: str
    times: int


STEPS = st.builds(
    Step,
    pause_s=PAUSES_S,
    late_s=st.sampled_from([0.0, 0.0, 5.0, 600.0]),
    kind=st.sampled_from(["status", "status", "death", "death", "kill", "neighbour", "kernel", "everybody"]),
    host=HOSTS,
    service=SERVICES,
    digest=DIGESTS,
    cause=CAUSES,
    times=st.integers(1, 6),
)


def events_of(step: Step, second: float) -> list[dict[str, Any]]:
    """
    Return the events of a step; in a storm everybody dies.
    """
    services = {(f"s{number}", step.digest): 2 for number in range(4)}
    match step.kind:
        case "status":
            return [status(host, second, services) for host in "abcd"]
        case "death":
            return [
                death(step.host, second + number, step.service, digest=step.digest, cause=step.cause)
                for number in range(step.times)
            ]
        case "everybody":
            return [
                death(host, second, f"s{number}", digest=step.digest, cause=step.cause)
                for host in "abcd"
                for number in range(step.times)
            ]
        case "kernel":
            return [kernel_event(step.host, second, "filesystem_error")]
        case _:
            culprit = "s0" if step.kind == "neighbour" else None
            return [kill(step.host, second, step.service, culprit=culprit)]


def arrivals(steps: list[Step]) -> list[tuple[int, dict[str, Any]]]:
    """
    Return the events of a story with the times at which they arrive.
    """
    found: list[tuple[int, dict[str, Any]]] = []
    second = 0.0
    for step in steps:
        second += step.pause_s
        found += [(at(second), event) for event in events_of(step, second - step.late_s)]
    return found


def ends(found: list[Incident]) -> list[dict[str, Any]]:
    """
    Return incidents as they are published.
    """
    return [publish(incident) for incident in found]


@settings(max_examples=20, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=25), st.data())
def test_a_detector_that_was_restored_goes_on_as_if_nothing_had_happened(
    steps: list[Step], data: st.DataObject
) -> None:
    """
    At any point, through JSON.
    """
    story = arrivals(steps)
    points = data.draw(st.sets(st.integers(0, len(story)), max_size=3))
    whole, parts = Detector(), Detector()
    expected: list[Incident] = []
    found: list[Incident] = []
    for index, (now_ns, event) in enumerate(story):
        if index in points:
            parts = Detector.restore(json.loads(parts.save()))
        expected += whole.observe(event, now_ns)
        found += parts.observe(event, now_ns)
    end_ns = story[-1][0] + at(100_000) - at(0) if story else at(0)
    assert ends(found + parts.advance(end_ns)) == ends(expected + whole.advance(end_ns))
    assert parts.save() == whole.save()


@settings(max_examples=20, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=25), st.sampled_from([7.0, 61.0, 1000.0]))
def test_how_often_time_passes_changes_nothing(steps: list[Step], every_s: float) -> None:
    """
    What is due is done at its own time.
    """
    story = arrivals(steps)
    seldom, often = Detector(), Detector()
    expected: list[Incident] = []
    found: list[Incident] = []
    last_ns = story[0][0] if story else at(0)
    for now_ns, event in story:
        expected += seldom.observe(event, now_ns)
        for tick_ns in range(last_ns, now_ns, at(every_s) - at(0)):
            found += often.advance(tick_ns)
        found += often.observe(event, now_ns)
        last_ns = now_ns
    assert ends(found) == ends(expected)


@settings(max_examples=20, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=25))
def test_an_event_that_arrives_twice_counts_once(steps: list[Step]) -> None:
    """
    Delivery repeats events.
    """
    story = arrivals(steps)
    once, twice = Detector(), Detector()
    expected = [incident for now_ns, event in story for incident in once.observe(event, now_ns)]
    found = [
        incident for now_ns, event in story for incident in twice.observe(event, now_ns) + twice.observe(event, now_ns)
    ]
    assert ends(found) == ends(expected)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(STEPS, st.sampled_from(["id", "source", "type", "time", "data"]), JSON)
def test_any_json_in_an_event_does_no_harm(step: Step, field: str, value: Any) -> None:  # noqa: ANN401 (JSON)
    """
    An agent of another version may write anything: the detector goes on, and its state can be restored.
    """
    detector = Detector()
    for event in events_of(step, 0.0):
        detector.observe({**event, field: value}, at(0))
    for event in events_of(step, 1.0):
        event["data"]["exit137"] = value
        detector.observe(event, at(1))
    saved = detector.save()
    assert Detector.restore(json.loads(saved)).save() == saved

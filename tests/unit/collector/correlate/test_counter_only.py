"""
Kills that only a counter shows: which processes may be the victims.
"""

import pytest

from collector.correlate.reconciliation import COMPARE_AFTER_NS
from collector.facts.observed import GapFact, OomCountedFact, SignalFact
from parsers.cgroup_path import ContainerRef, Runtime
from sinks.event import Confidence, Event, EventType, GapKind
from tests.unit.collector.correlate.scene import SECOND, A, B, Scene, exited, marked, ns

WAIT_S = COMPARE_AFTER_NS / SECOND


def _in(container_id: str) -> ContainerRef:
    return ContainerRef(runtime=Runtime.DOCKER, id=container_id)


def _reconciler(scene: Scene, count: int, container_id: str | None = A) -> list[Event]:
    """
    Return the OOM kills that are published because of a count.
    """
    fact = OomCountedFact(container_id=container_id, count=count, from_ns=ns(10), read_ns=ns(15), to_ns=ns(15))
    events = scene.feed(fact, at_s=15) + scene.wait(WAIT_S)
    assert [event.type for event in events][:1] == [EventType.AGENT]
    return [event for event in events if event.type is EventType.OOM_KILL]


def _victims(event: Event) -> list[int]:
    assert event.exit137.oom is not None
    return [victim.pid for victim in event.exit137.oom.victims]


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.run(A)
    scene.run(B)
    return scene


def test_a_process_that_the_trace_marked_is_likely_the_victim(scene: Scene) -> None:
    """
    As many processes of this container were marked as kills were counted.
    """
    scene.feed(marked(71, A, 12), marked(72, A, 12), marked(73, B, 12))
    (event,) = _reconciler(scene, 2)
    assert _victims(event) == [71, 72]
    assert event.exit137.confidence is Confidence.LIKELY
    assert '"hog" (pid 71) and "hog" (pid 72) of container "box-a" (likely)' in event.message


def test_a_process_killed_without_a_sender_is_possibly_the_victim(scene: Scene) -> None:
    """
    A process that another one has killed is not the victim.
    """
    sent = SignalFact(
        signal=9,
        code=0,
        sender_pid=5,
        sender_comm="sh",
        sender_uid=0,
        sender_container=None,
        sender_unit=None,
        target_pid=71,
        target_comm="worker",
        at_ns=ns(12),
    )
    scene.feed(sent, exited(71, at_s=12, signal=9), exited(72, at_s=12, signal=9))
    (event,) = _reconciler(scene, 1)
    assert _victims(event) == [72]
    assert event.exit137.confidence is Confidence.POSSIBLE


def test_more_exits_than_kills_name_no_victim(scene: Scene) -> None:
    """
    The counter names the container; which of its processes was killed is not guessed.
    """
    scene.feed(exited(71, at_s=12, signal=9), exited(72, at_s=12, signal=9))
    (event,) = _reconciler(scene, 1)
    assert _victims(event) == []
    assert event.subject == f"container/{A}"


def test_the_hosts_count_names_the_only_container_that_can_be_meant(scene: Scene) -> None:
    """
    The container was gone before its own counter was read.
    """
    scene.feed(marked(71, B, 12))
    (event,) = _reconciler(scene, 1, container_id=None)
    assert (event.subject, _victims(event)) == (f"container/{B}", [71])


def test_with_two_containers_that_can_be_meant_no_kill_is_published(scene: Scene) -> None:
    """
    The unexplained count is published all the same.
    """
    scene.feed(marked(71), marked(72, container_id=B))
    assert _reconciler(scene, 2, container_id=None) == []


def test_a_log_that_will_be_read_again_may_still_describe_the_kill(scene: Scene) -> None:
    """
    While a source of the kernel log is down, no kill is concluded from a counter.
    """
    scene.feed(GapFact(source="kmsg", what=GapKind.SOURCE_UP, at_ns=ns(0), text="up"))
    scene.feed(GapFact(source="kmsg", what=GapKind.SOURCE_DOWN, at_ns=ns(9), text="down"))
    assert _reconciler(scene, 1) == []

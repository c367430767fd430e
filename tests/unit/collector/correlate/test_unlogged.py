"""
Kills that only a counter tells of: who may have been killed.
"""

import pytest

from collector.correlate.counted import COMPARE_AFTER_NS
from collector.correlate.facts import GapFact, OomCounted, SignalSeen
from parsers.cgroup_path import ContainerRef, Runtime
from sinks.event import Confidence, Event, EventType
from tests.unit.collector.correlate.scene import SECOND, A, B, Scene, exited, marked, ns

WAIT_S = COMPARE_AFTER_NS / SECOND


def _in(container_id: str) -> ContainerRef:
    return ContainerRef(runtime=Runtime.DOCKER, id=container_id)


def _counted(scene: Scene, count: int, container_id: str | None = A) -> list[Event]:
    """
    The OOM kills that are told because of a count.
    """
    fact = OomCounted(container_id=container_id, count=count, from_ns=ns(10), to_ns=ns(15))
    events = scene.tell(fact, at_s=15) + scene.wait(WAIT_S)
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


def test_whom_the_trace_marked_is_likely_the_victim(scene: Scene) -> None:
    """
    As many as were counted, in this container.
    """
    scene.tell(marked(71, A, 12), marked(72, A, 12), marked(73, B, 12))
    (event,) = _counted(scene, 2)
    assert _victims(event) == [71, 72]
    assert event.exit137.confidence is Confidence.LIKELY
    assert '"hog" (pid 71) and "hog" (pid 72) of container "box-a" (likely)' in event.message


def test_who_was_killed_without_a_sender_is_possibly_the_victim(scene: Scene) -> None:
    """
    A process that another one has killed is not.
    """
    sent = SignalSeen(
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
    scene.tell(sent, exited(71, at_s=12, signal=9), exited(72, at_s=12, signal=9))
    (event,) = _counted(scene, 1)
    assert _victims(event) == [72]
    assert event.exit137.confidence is Confidence.POSSIBLE


def test_more_ends_than_kills_name_nobody(scene: Scene) -> None:
    """
    The container is known from its counter; which of its processes it was is not guessed.
    """
    scene.tell(exited(71, at_s=12, signal=9), exited(72, at_s=12, signal=9))
    (event,) = _counted(scene, 1)
    assert _victims(event) == []
    assert event.subject == f"container/{A}"


def test_the_hosts_count_names_the_only_container_that_can_be_meant(scene: Scene) -> None:
    """
    It was gone before its own counter was read.
    """
    scene.tell(marked(71, B, 12))
    (event,) = _counted(scene, 1, container_id=None)
    assert (event.subject, _victims(event)) == (f"container/{B}", [71])


def test_with_two_containers_that_can_be_meant_no_kill_is_made_up(scene: Scene) -> None:
    """
    The count is told all the same.
    """
    scene.tell(marked(71), marked(72, container_id=B))
    assert _counted(scene, 2, container_id=None) == []


def test_a_log_that_will_be_back_tells_the_kill_itself(scene: Scene) -> None:
    """
    While its source is down nothing is made up.
    """
    scene.tell(GapFact(source="kmsg", what="source_up", at_ns=ns(0), text="up"))
    scene.tell(GapFact(source="kmsg", what="source_down", at_ns=ns(9), text="down"))
    assert _counted(scene, 1) == []

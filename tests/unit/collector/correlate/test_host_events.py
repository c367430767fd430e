"""
Errors of the host, to which the deaths shortly after refer.
"""

import pytest

from collector.correlate.host_events import HostEvent, HostEvents
from parsers.kernel import KernelNotice, NoticeKind
from sinks.event import Cause, Event, EventType
from tests.unit.collector.correlate.scene import (
    DIE,
    KMSG,
    MAIN_PID,
    VERDICT_WAIT_S,
    Scene,
    docker,
    exited,
    line,
    ns,
    started,
)

READ_ONLY = "EXT4-fs (dm-17): Remounting filesystem read-only"


def kernel_ids(events: list[Event]) -> list[str]:
    """
    Return the ids of the kernel events among events.
    """
    return [event.id for event in events if event.type is EventType.KERNEL_EVENT]


def died(scene: Scene, at_s: float, code: int = 1) -> Event:
    """
    Return the death of the container at a time.
    """
    scene.feed(exited(MAIN_PID, at_s=at_s, code=code), docker(DIE, at_s, exit_code=code), at_s=at_s)
    (event,) = (event for event in scene.wait(VERDICT_WAIT_S) if event.type is EventType.CONTAINER_DEATH)
    return event


def test_a_death_refers_to_an_error_of_the_host() -> None:
    """
    A disk that became read-only within the minute before is evidence of the death, and not its cause.
    """
    scene = started()
    ids = kernel_ids(scene.feed(line(READ_ONLY, 5.0), line(READ_ONLY, 6.0), at_s=6))
    event = died(scene, 50)
    assert event.exit137.death is not None
    assert list(event.exit137.death.kernel_event_ids) == ids != []
    assert READ_ONLY in [item.text for item in event.exit137.evidence]
    assert event.exit137.cause is Cause.APP_ERROR


@pytest.mark.parametrize(("at_s", "code"), [(120.0, 1), (50.0, 0)])
def test_a_later_death_and_a_clean_end_refer_to_nothing(at_s: float, code: int) -> None:
    """
    After a minute nothing connects the two, and a clean end needs no explanation.
    """
    scene = started()
    scene.feed(line(READ_ONLY, 5.0), at_s=5)
    event = died(scene, at_s, code)
    assert event.exit137.death is not None
    assert event.exit137.death.kernel_event_ids == ()


@pytest.mark.parametrize(
    "notice",
    [
        KernelNotice(kind=NoticeKind.MEMORY_ERROR, device="MC0", is_harmless=True),
        KernelNotice(kind=NoticeKind.MEMORY_ERROR, fatal=True),
        KernelNotice(kind=NoticeKind.MEMORY_ERROR, cgroup="box"),
        KernelNotice(kind=NoticeKind.HUNG_TASK),
    ],
)
def test_other_lines_are_no_errors_of_the_host(notice: KernelNotice) -> None:
    """
    A corrected error, the end of one process and a line about one cgroup do not concern other containers.
    """
    events = HostEvents()
    events.add(notice, HostEvent(event_id="1", at_ns=ns(1), text="x", source=KMSG))
    assert events.before(ns(2)) == ()

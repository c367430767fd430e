"""
How full the disk of a failed container is.
"""

from collector.publish.disk_space import wants_disk_space, with_disk_space
from sinks.event import Advice, Confidence, EcsEvent, Event, EventType, Exit137, Host, Severity

GIB = 1 << 30


def failed(*kinds: str) -> Event:
    """
    Return a death with advice of these kinds.
    """
    return Event(
        id="id",
        type=EventType.CONTAINER_DEATH,
        subject="container/a",
        time_ns=5,
        message="It failed.",
        event=EcsEvent(kind="alert", category=("process",), type=("end",), action="a", severity=Severity.ERROR),
        host=Host(id="1" * 32),
        exit137=Exit137(
            confidence=Confidence.CERTAIN,
            advice=tuple(Advice(kind=kind, text="Do it.", reason="Why.") for kind in kinds),
        ),
    )


def test_only_advice_about_the_disk() -> None:
    """
    Only an event with such advice needs the figures, and only that advice gets them.
    """
    assert not wants_disk_space(failed("pids"))
    event = failed("pids", "disk")
    assert wants_disk_space(event)
    pids, disk = with_disk_space(event, 0, 20 * GIB).exit137.advice
    assert pids.reason == "Why."
    assert disk.reason == "Why. The disk of the container's own layer has 0 B of 20 GiB free."


def test_a_disk_with_room() -> None:
    """
    If that disk has room, another one was full.
    """
    (disk,) = with_disk_space(failed("disk"), 10 * GIB, 20 * GIB).exit137.advice
    assert "volumes" in disk.reason

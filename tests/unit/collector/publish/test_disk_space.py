"""
How full the disk of a failed container is.
"""

from dataclasses import replace

import pytest

from collector.publish.disk_space import DiskSpace, wants_disk_space, with_disk_space
from sinks.event import Advice, Confidence, Crash, EcsEvent, Event, EventType, Exit137, Host, Severity

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


def space(mount: str | None = None, free_bytes: int = 0) -> DiskSpace:
    """
    Return a file system of 20 GiB.
    """
    return DiskSpace(mount=mount, free_bytes=free_bytes, total_bytes=20 * GIB)


def reason(event: Event, *spaces: DiskSpace) -> str:
    """
    Return the reason of the first advice, with the figures.
    """
    return with_disk_space(event, spaces).exit137.advice[0].reason


def test_only_advice_about_the_disk() -> None:
    """
    Only an event with such advice needs the figures, and only that advice gets them.
    """
    assert not wants_disk_space(failed("pids"))
    event = failed("pids", "disk")
    assert wants_disk_space(event)
    pids, disk = with_disk_space(event, [space()]).exit137.advice
    assert pids.reason == "Why."
    assert disk.reason == "Why. The disk of the container's own layer has 0 B of 20 GiB free."


def test_a_disk_with_room() -> None:
    """
    If that disk has room, another one was full.
    """
    assert "volumes" in reason(failed("disk"), space(free_bytes=10 * GIB))


def test_the_mount_that_is_full() -> None:
    """
    Of several file systems the full one is named, whatever the own layer has.
    """
    found = reason(failed("disk"), space(free_bytes=10 * GIB), space("/data"))
    assert "The mount /data has 0 B of 20 GiB free." in found
    assert "layer" not in found


def test_the_mount_that_the_line_names() -> None:
    """
    A path in the line decides, as the file system may have room again by now.
    """
    event = failed("disk")
    (advice,) = event.exit137.advice
    advice = replace(advice, reason='At the end stands "write /data/a: No space left on device".')
    event = replace(event, exit137=replace(event.exit137, advice=(advice,)))
    assert "The mount /data has 10 GiB" in reason(event, space(), space("/data", free_bytes=10 * GIB))


@pytest.mark.parametrize(("free_bytes", "is_named"), [(0, True), (4096, True), (GIB, False)])
def test_sigbus(free_bytes: int, is_named: bool) -> None:
    """
    A mapped file that cannot grow ends in SIGBUS; a file system with room explains nothing.
    """
    event = failed()
    event = replace(event, exit137=replace(event.exit137, crash=Crash(signal=7)))
    assert wants_disk_space(event)
    advice = with_disk_space(event, [space("/data", free_bytes)]).exit137.advice
    assert [each.kind for each in advice] == (["disk"] if is_named else [])


def test_no_file_system_is_known() -> None:
    """
    Without figures the advice stays as it is.
    """
    assert reason(failed("disk")) == "Why."

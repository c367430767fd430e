"""
Add to a death how full the file systems of its container were: to advice about a full disk, and to an end by SIGBUS,
which a write to a mapped file gets that cannot grow.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from signal import SIGBUS
from typing import Final

from sinks.event import Advice, Event
from sinks.text import printable, size

KIND: Final = "disk"
# A file system that is this full refuses writes to some: it keeps a reserve for root.
_FULL_SHARE: Final = 0.05
# A mapped file grows by a page.
_NO_ROOM_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskSpace:
    """
    How full a file system of a container is.

    Attributes:
        mount: where the container has it; None for that of its own layer.
        free_bytes: what a user may still write.
        total_bytes: its size.
    """

    mount: str | None
    free_bytes: int
    total_bytes: int

    @property
    def is_full(self) -> bool:
        """
        Whether it may refuse writes.
        """
        return self.free_bytes < self.total_bytes * _FULL_SHARE


def wants_disk_space(event: Event) -> bool:
    """
    Return whether the figures may explain a death.
    """
    crash = event.exit137.crash
    is_unexplained = crash is not None and crash.signal == SIGBUS and crash.reason is None
    return is_unexplained or any(advice.kind == KIND for advice in event.exit137.advice)


def with_disk_space(event: Event, spaces: Sequence[DiskSpace]) -> Event:
    """
    Return the event with the figures in the reason of that advice; after SIGBUS with such advice, if one has no room.

    Args:
        event: of a container that failed.
        spaces: its file systems.
    """
    advice = event.exit137.advice
    if any(each.kind == KIND for each in advice):
        advice = tuple(_with_figures(each, spaces) if each.kind == KIND else each for each in advice)
    else:
        no_room = (space for space in spaces if space.free_bytes < _NO_ROOM_BYTES)
        advice = (*map(_after_sigbus, no_room), *advice)
    return replace(event, exit137=replace(event.exit137, advice=advice))


def _with_figures(advice: Advice, spaces: Sequence[DiskSpace]) -> Advice:
    """
    Add the file system that the line names, else the full ones, else that of the container's own layer.
    """
    named = [space for space in spaces if space.mount is not None and f"{space.mount}/" in advice.reason]
    named = named[:1] or [space for space in spaces if space.is_full] or list(spaces[:1])
    if not named:
        return advice
    words = "; ".join(f"{_name(space)} has {_figures(space)} free" for space in named)
    is_elsewhere = not any(space.is_full for space in named)
    more = ", so look at its volumes and tmpfs mounts first." if is_elsewhere else "."
    return replace(advice, reason=f"{advice.reason} {words[0].upper()}{words[1:]}{more}")


def _after_sigbus(space: DiskSpace) -> Advice:
    name = _name(space)
    return Advice(
        kind=KIND,
        text=f"Make room on {name}.",
        reason=f"{name[0].upper()}{name[1:]} has {_figures(space)} free. SIGBUS usually means that a mapped file could"
        " not grow.",
        unless="the program maps no file there",
    )


def _name(space: DiskSpace) -> str:
    return f"the mount {printable(space.mount)}" if space.mount is not None else "the disk of the container's own layer"


def _figures(space: DiskSpace) -> str:
    return f"{size(space.free_bytes)} of {size(space.total_bytes)}"

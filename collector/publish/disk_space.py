"""
Add to the advice about a full disk how full the disk of the container's own layer is.
"""

from dataclasses import replace
from typing import Final

from sinks.event import Advice, Event
from sinks.text import size

KIND: Final = "disk"
# A file system that is this full refuses writes to some: it keeps a reserve for root.
_FULL_SHARE: Final = 0.05


def wants_disk_space(event: Event) -> bool:
    """
    Return whether an event has advice about a full disk.
    """
    return any(advice.kind == KIND for advice in event.exit137.advice)


def with_disk_space(event: Event, free_bytes: int, total_bytes: int) -> Event:
    """
    Return the event with the figures in the reason of that advice.

    Args:
        event: of a container that failed.
        free_bytes: what a user may still write to the file system of the container's own layer.
        total_bytes: the size of that file system.
    """
    found = f"The disk of the container's own layer has {size(free_bytes)} of {size(total_bytes)} free"
    is_full = free_bytes < total_bytes * _FULL_SHARE
    words = f"{found}." if is_full else f"{found}, so look at its volumes and tmpfs mounts first."
    advice = tuple(_added(advice, words) if advice.kind == KIND else advice for advice in event.exit137.advice)
    return replace(event, exit137=replace(event.exit137, advice=advice))


def _added(advice: Advice, words: str) -> Advice:
    return replace(advice, reason=f"{advice.reason} {words}")

"""
Add to a death by SIGBUS how full /dev/shm may have been.

A write to a mapped file that cannot grow ends in SIGBUS, and in containers that file is mostly one in /dev/shm, which
has 64 MiB unless --shm-size says otherwise. The file system is gone with the container. What remains is the last sample
of its shared memory, which also counts other tmpfs mounts: it makes a full /dev/shm probable and proves nothing.
"""

from dataclasses import replace
from signal import SIGBUS
from typing import Final

from collector.facts.memory import MemorySample
from parsers.docker_inspect import ContainerSnapshot
from sinks.event import Advice, Event
from sinks.text import size

_NEARLY_FULL: Final = 0.9
_RAISED_BY: Final = 2
_KIND: Final = "shm"
_PLACE: Final = "/dev/shm"  # noqa: S108 (a name, nothing is written)


def with_shared_memory(event: Event, snapshot: ContainerSnapshot | None, sample: MemorySample | None) -> Event:
    """
    Return the death with the size of /dev/shm, the shared memory in use, and advice; others are returned as they are.

    Args:
        event: a death.
        snapshot: what Docker last said about the container.
        sample: the last one of the container's memory.
    """
    crash = event.exit137.crash
    if crash is None or crash.signal != SIGBUS or crash.reason is not None or _has_another(snapshot):
        return event
    size_bytes = snapshot.shm_bytes if snapshot is not None else None
    used_bytes = sample.shmem_bytes if sample is not None else None
    is_full = size_bytes is not None and used_bytes is not None and used_bytes >= size_bytes * _NEARLY_FULL
    measured = f"the container had {size(used_bytes)} of shared memory, and /dev/shm has {size(size_bytes)}"
    return replace(
        event,
        message=f"{event.message} When last looked at, {measured}." if is_full else event.message,
        exit137=replace(
            event.exit137,
            crash=replace(crash, shm_size_bytes=size_bytes, shm_used_bytes=used_bytes),
            advice=(*event.exit137.advice, _advice(size_bytes, measured if is_full else None)),
        ),
    )


def _has_another(snapshot: ContainerSnapshot | None) -> bool:
    """
    Return whether something else is mounted at /dev/shm, whose size no option of Docker decides.
    """
    return snapshot is not None and any(mount.destination.rstrip("/") == _PLACE for mount in snapshot.mounts)


def _advice(size_bytes: int | None, measured: str | None) -> Advice:
    has = f" (now {size(size_bytes)})" if size_bytes is not None else ""
    if measured is not None:
        reason = f"{measured[0].upper()}{measured[1:]}."
    else:
        reason = "SIGBUS mostly means that a mapped file could not grow because /dev/shm or the disk was full."
    return Advice(
        kind=_KIND,
        value=size_bytes * _RAISED_BY if size_bytes is not None and measured is not None else None,
        text=f"Raise --shm-size (shm_size in Compose){has}.",
        reason=reason,
        unless="the program uses no shared memory: then a file that it had mapped was truncated, or a disk was full",
    )

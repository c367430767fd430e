"""
Parse the files of a cgroup about memory: sizes and limits, memory.stat, pressure (PSI), the count of OOM kills.

Formats: Documentation/admin-guide/cgroup-v1/memory.rst, cgroup-v2.rst and accounting/psi.rst of the kernel. On v1 only
the `total_` lines are read, because they include the cgroups below; v2 always includes them. Both versions count shared
memory and tmpfs as file pages. Here they are separate, because the kernel cannot drop such pages.

    total_inactive_file 886931456        a line of memory.stat, v1
    inactive_file 886931456              the same, v2
    some avg10=0.00 avg60=1.25 avg300=0.40 total=812034
"""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Final

from parsers.errors import ParseError

_SIZE: Final = re.compile(rb"[0-9]{1,19}")
_STALL: Final = re.compile(
    rb"^(some|full) avg10=([0-9]{1,3}\.[0-9]{2}) avg60=([0-9]{1,3}\.[0-9]{2})"
    rb" avg300=([0-9]{1,3}\.[0-9]{2}) total=([0-9]{1,19})$",
    re.MULTILINE,
)
# "No limit" on v1 is the largest number of whole pages that a long holds, whatever the page size (up to 1 MiB here).
_UNLIMITED_BYTES: Final = (1 << 63) - (1 << 20)
_OOM_KILLS: Final = re.compile(rb"^oom_kill ([0-9]{1,20})$", re.MULTILINE)
_KERNEL_PARTS: Final = (b"slab", b"kernel_stack", b"pagetables", b"percpu")
_LINES_V1: Final = frozenset(
    {
        b"total_rss",
        b"total_cache",
        b"total_shmem",
        b"total_inactive_file",
        b"total_swap",
        b"hierarchical_memory_limit",
    }
)
_LINES_V2: Final = frozenset({b"anon", b"file", b"inactive_file", b"shmem", b"kernel", *_KERNEL_PARTS})


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryStat:
    """
    The parts of a cgroup's memory, including the cgroups below it.

    Attributes:
        anon_bytes: heap, stacks, anonymous mappings: only the program or swap frees these.
        file_bytes: cached pages of files, without shared memory; with it if `shmem_bytes` is None (before 4.13).
        inactive_file_bytes: those of them that the kernel drops first.
        shmem_bytes: tmpfs and shared memory, which the kernel cannot drop.
        kernel_bytes: slab, stacks, page tables; None on v1, which has another file for it.
        swap_bytes: swapped out; None on v2, which has another file for it.
        hierarchical_limit_bytes: the smallest limit of the cgroup and those above it; v1 only, None if unlimited.
    """

    anon_bytes: int | None = None
    file_bytes: int | None = None
    inactive_file_bytes: int | None = None
    shmem_bytes: int | None = None
    kernel_bytes: int | None = None
    swap_bytes: int | None = None
    hierarchical_limit_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """
    One line of PSI: the share of time in which tasks waited for memory.

    Attributes:
        avg10_percent: the average over the last 10 s; likewise 60 and 300 s.
        total_us: the waiting time since the cgroup was created.
    """

    avg10_percent: float
    avg60_percent: float
    avg300_percent: float
    total_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressure:
    """
    The content of memory.pressure: `some` is the time in which at least one task waited, `full` in which all did.
    """

    some: Stall
    full: Stall | None = None


def parse_size(text: bytes) -> int:
    """
    Return the bytes of memory.current, memory.usage_in_bytes, memory.peak or a similar file.

    Raises:
        ParseError: the text is not a number of up to 19 digits.
    """
    digits = text.strip()
    if _SIZE.fullmatch(digits) is None:
        raise ParseError("a size in bytes (cgroups(7))", text)
    return int(digits)


def parse_limit(text: bytes) -> int | None:
    """
    Return the bytes of memory.max, memory.limit_in_bytes or a similar file; None if there is no limit.

    Raises:
        ParseError: the text is not a limit.
    """
    if text.strip() == b"max":
        return None
    return _limit(parse_size(text))


def parse_stat_v1(text: bytes) -> MemoryStat:
    """
    Parse memory.stat of cgroup v1; missing lines are None.
    """
    values = _values(text, _LINES_V1)
    shmem = values.get(b"total_shmem")
    return MemoryStat(
        anon_bytes=values.get(b"total_rss"),
        file_bytes=_without(values.get(b"total_cache"), shmem),
        inactive_file_bytes=values.get(b"total_inactive_file"),
        shmem_bytes=shmem,
        swap_bytes=values.get(b"total_swap"),
        hierarchical_limit_bytes=_limit(values.get(b"hierarchical_memory_limit")),
    )


def parse_stat_v2(text: bytes) -> MemoryStat:
    """
    Parse memory.stat of cgroup v2; missing lines are None.
    """
    values = _values(text, _LINES_V2)
    shmem = values.get(b"shmem")
    return MemoryStat(
        anon_bytes=values.get(b"anon"),
        file_bytes=_without(values.get(b"file"), shmem),
        inactive_file_bytes=values.get(b"inactive_file"),
        shmem_bytes=shmem,
        kernel_bytes=_kernel(values),
    )


def parse_pressure(text: bytes) -> Pressure:
    """
    Parse memory.pressure of a cgroup, or /proc/pressure/memory.

    Raises:
        ParseError: the text has no line `some`.
    """
    stalls = {match[1]: _stall(match) for match in _STALL.finditer(text)}
    if b"some" not in stalls:
        raise ParseError("memory.pressure (accounting/psi.rst)", text)
    return Pressure(some=stalls[b"some"], full=stalls.get(b"full"))


def parse_oom_kills(text: bytes) -> int | None:
    """
    Return the kernel's own count of OOM kills; None if the file has no such line (before Linux 4.13).

    The line `oom_kill N` is the same in three files (mm/memcontrol.c, mm/vmstat.c):

        /sys/fs/cgroup/<path>/memory.events              (cgroup v2, with all cgroups below)
        /sys/fs/cgroup/memory/<path>/memory.oom_control  (cgroup v1)
        /proc/vmstat                                     (the host)
    """
    found = _OOM_KILLS.search(text)
    return int(found[1]) if found is not None else None


def working_set_bytes(usage_bytes: int, stat: MemoryStat) -> int:
    """
    Return the working set: the usage without the file pages that the kernel drops first; never negative.
    """
    return max(0, usage_bytes - (stat.inactive_file_bytes or 0))


def _values(text: bytes, wanted: Container[bytes]) -> Mapping[bytes, int]:
    """
    Return the values of the lines that are wanted: the others, six in seven, cost nothing but the cut.
    """
    lines = (line.partition(b" ") for line in text.split(b"\n"))
    return {name: int(value) for name, _, value in lines if name in wanted and _SIZE.fullmatch(value) is not None}


def _limit(size_bytes: int | None) -> int | None:
    return size_bytes if size_bytes is not None and size_bytes < _UNLIMITED_BYTES else None


def _without(file_bytes: int | None, shmem_bytes: int | None) -> int | None:
    return max(0, file_bytes - (shmem_bytes or 0)) if file_bytes is not None else None


def _kernel(values: Mapping[bytes, int]) -> int | None:
    """
    Return the line `kernel` (since 5.18), or else the sum of the parts.
    """
    if b"kernel" in values:
        return values[b"kernel"]
    parts = [values[name] for name in _KERNEL_PARTS if name in values]
    return sum(parts) if parts else None


def _stall(match: re.Match[bytes]) -> Stall:
    return Stall(
        avg10_percent=float(match[2]),
        avg60_percent=float(match[3]),
        avg300_percent=float(match[4]),
        total_us=int(match[5]),
    )

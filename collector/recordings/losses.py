"""
Finds what a recording has lost of the kernel log, and how many OOM kills the kernel counted meanwhile.

The records of /dev/kmsg are numbered. journald writes an entry where it was too late for records. The kernel's counter
was read when the recording ended; it counts from the boot on, so it says something only if the log begins there.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from collector.facts.observed import Fact, GapFact, OomCountedFact
from collector.sources.journald.entries import hole_of_entry
from parsers.cgroup_memory import parse_oom_kills
from parsers.journal import JournalEntry
from parsers.kmsg import KmsgRecord
from parsers.oom.facts import KernelLine
from sinks.event import GapKind

TimedFact = tuple[int, Fact]

_NS_PER_US: Final = 1000
_NS_PER_S: Final = 1_000_000_000
# The first line that every kernel prints.
_FIRST_LINE: Final = "Linux version "


def kmsg_holes(records: Sequence[KmsgRecord], offset_ns: int | None) -> Iterator[TimedFact]:
    """
    Yield a gap where numbers are missing, at the time of the next record.

    Args:
        records: all records, those that programs wrote included.
        offset_ns: how far the wall clock is ahead of the kernel's, if that is known.
    """
    for before, after in pairwise(records):
        count = after.seq - before.seq - 1
        if count > 0:
            from_ns, to_ns = (record.monotonic_us * _NS_PER_US + (offset_ns or 0) for record in (before, after))
            yield to_ns, _hole(count, from_ns, to_ns)


def _hole(count: int, from_ns: int, to_ns: int) -> GapFact:
    text = f"{count} records of the kernel log are missing."
    return GapFact(
        source="kmsg",
        what=GapKind.RECORDS_LOST,
        at_ns=to_ns,
        text=text,
        count=count,
        from_ns=from_ns,
        to_ns=to_ns,
    )


def journal_holes(entries: Iterable[JournalEntry], lines: Sequence[KernelLine]) -> Iterator[TimedFact]:
    """
    Yield the gaps that journald has stated.

    Args:
        entries: of the journal.
        lines: the kernel's lines in it.
    """
    for entry in entries:
        at_ns = entry.realtime_ns or 0
        before = (line.at_ns for line in lines if line.at_ns is not None and line.at_ns <= at_ns)
        hole = hole_of_entry(entry, max(before, default=None)) if entry.transport == "driver" else None
        if hole is not None:
            yield hole.at_ns, hole


def counted_kills(
    vmstat: bytes, texts: Iterable[str], offset_ns: int | None, ended_ns: int | None
) -> Iterator[TimedFact]:
    """
    Yield the kernel's count of OOM kills since the boot, if the recorded log begins there.

    Args:
        vmstat: the file of that name.
        texts: the first line of each kernel log.
        offset_ns: when the host was booted, wall clock.
        ended_ns: the time of the last fact.
    """
    count = parse_oom_kills(vmstat)
    from_boot = any(text.startswith(_FIRST_LINE) for text in texts)
    if count is None or offset_ns is None or ended_ns is None or not from_boot:
        return
    read_ns = ended_ns + 2 * _NS_PER_S
    yield 0, GapFact(source="cgroups", what=GapKind.SOURCE_UP, at_ns=0, text="")
    yield (
        read_ns,
        OomCountedFact(container_id=None, count=count, from_ns=offset_ns, read_ns=read_ns, to_ns=read_ns),
    )

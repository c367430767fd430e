"""
From entries of the journal to facts.
"""

from typing import Final

from collector.facts.kernel import KernelFact, kernel_fact
from collector.facts.observed import GapFact
from parsers.journal import JournalEntry, kernel_line, missed_kernel_records
from parsers.kernel import NoticeWindow
from parsers.killers import KillerFact, parse_killer
from parsers.oom.window import OomWindow
from sinks.event import EvidenceSource, GapKind

_SOURCE: Final = "journald"


def hole_of_entry(entry: JournalEntry, before_ns: int | None) -> GapFact | None:
    """
    Return the gap that an entry of journald states: records of the kernel log that journald itself was too late for.

    Args:
        entry: a parsed entry of the journal.
        before_ns: when the last kernel line before it was written, wall clock.
    """
    count, at_ns = missed_kernel_records(entry), entry.realtime_ns
    if count is None or at_ns is None:
        return None
    text = f"{count} records of the kernel log were overwritten before journald could read them."
    return GapFact(
        source=_SOURCE,
        what=GapKind.RECORDS_LOST,
        at_ns=at_ns,
        text=text,
        count=count,
        from_ns=before_ns,
        to_ns=at_ns,
    )


def fact_of_entry(entry: JournalEntry, window: OomWindow, notices: NoticeWindow) -> KernelFact | KillerFact | None:
    """
    Return the fact that an entry states; None for an unrelated entry.

    Args:
        entry: a parsed entry of the journal.
        window: decides which kernel lines belong to an OOM report; feed it the entries in order.
        notices: the same for kernel notices.
    """
    line = kernel_line(entry)
    if line is None:
        return parse_killer(entry)
    is_of_oom, is_of_notice = window.wants(line.text, line.monotonic_us), notices.wants(line.text)
    if not is_of_oom and not is_of_notice:
        return None
    return kernel_fact(EvidenceSource.JOURNALD, line)

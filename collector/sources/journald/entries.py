"""
From entries of the journal to facts.
"""

from dataclasses import replace
from typing import Final

from collector.facts.kernel import KernelFact, core_dump_fact, kernel_fact
from collector.facts.observed import GapFact
from parsers.journal import JournalEntry, kernel_line, missed_kernel_records
from parsers.kernel import NoticeWindow
from parsers.killers import KillerFact, is_coredump_service, parse_killer
from parsers.oom.facts import KernelLine
from parsers.oom.window import OomWindow
from parsers.unit_stops import UnitStopping, parse_unit_stopping
from sinks.event import EvidenceSource, GapKind

_SOURCE: Final = "journald"
_AUDIT: Final = "audit"
_NS_PER_MS: Final = 1_000_000


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


def fact_of_entry(
    entry: JournalEntry, window: OomWindow, notices: NoticeWindow
) -> KernelFact | KillerFact | UnitStopping | None:
    """
    Return the fact that an entry states; None for an unrelated entry.

    Args:
        entry: a parsed entry of the journal.
        window: decides which kernel lines belong to an OOM report; feed it the entries in order.
        notices: the same for kernel notices.
    """
    line = kernel_line(entry)
    if line is None:
        return reported_notice(entry) or parse_killer(entry) or parse_unit_stopping(entry)
    return fact_of_line(line, window, notices)


def fact_of_line(line: KernelLine, window: OomWindow, notices: NoticeWindow) -> KernelFact | None:
    """
    Return the fact that a line of the kernel log is; None for an unrelated line. The windows are those of
    `fact_of_entry`.
    """
    is_of_oom, is_of_notice = window.wants(line.text, line.monotonic_us), notices.wants(line.text)
    if not is_of_oom and not is_of_notice:
        return None
    return kernel_fact(EvidenceSource.JOURNALD, line)


def reported_notice(entry: JournalEntry) -> KernelFact | None:
    """
    Return the kernel notice that an entry of another writer is: an audit record, or a core dump.

    Only journald itself reads audit records; what somebody else calls a core dump is nothing.
    """
    if entry.transport == _AUDIT:
        return _audit_record(entry)
    if entry.coredump is None or not is_coredump_service(entry):
        return None
    line = KernelLine(text=entry.message, boot_id=entry.boot_id, at_ns=entry.at_ns)
    return core_dump_fact(line, entry.coredump)


def _audit_record(entry: JournalEntry) -> KernelFact | None:
    line = KernelLine(text=entry.message, boot_id=entry.boot_id, at_ns=entry.at_ns)
    fact = kernel_fact(EvidenceSource.JOURNALD, line)
    if fact.notice is None:
        return None
    if entry.audit_id is None or entry.source_realtime_ns is None:
        return fact
    seconds, milliseconds = divmod(entry.source_realtime_ns // _NS_PER_MS, 1000)
    return replace(fact, notice=replace(fact.notice, audit_id=f"{seconds}.{milliseconds:03d}:{entry.audit_id}"))

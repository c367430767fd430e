"""
From lines of the kernel log to OOM reports, each once, whoever hands its lines over.

The kernel's text arrives once from /dev/kmsg and once from the journal. The first report of a kill counts; the other is
dropped, or reduced to the victims that the first one lacked.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from collector.facts.kernel import KernelFact
from collector.facts.lru import LruDict
from collector.facts.observed import Origin
from parsers.oom.facts import OomReport, OomVictim
from parsers.oom.report import ReportAssembler
from sinks.event import EvidenceSource, Host
from sinks.event.ids import kill_id

# Two sources give a kill the same stamp, a group's first victim is printed twice; no pid is used again so soon.
_SAME_KILL_US: Final = 100_000
# Who hands lines on with a delay of its own: journald reads the kernel's log at its ticks, which are up to 10 ms apart.
_LATE_NS: Final = {EvidenceSource.JOURNALD: 20_000_000}
# Kills of one pid that are remembered: a pid may be used again.
_REUSES_KEPT: Final = 8
_SEEN_KEPT: Final = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReport:
    """
    A report that no source has handed over before.

    Attributes:
        report: with only the victims that are new; without victims when it ends before a kill.
        origin: the reading in which the report began.
    """

    report: OomReport
    source: EvidenceSource
    origin: Origin | None


class KillReports:
    """
    Assembles the OOM reports of one host and drops repetitions.

    Args:
        with_beginnings: return also reports of which only the beginning is there.
    """

    def __init__(self, *, with_beginnings: bool = False) -> None:
        self._with_beginnings = with_beginnings
        self._assemblers: dict[EvidenceSource, ReportAssembler] = {}
        # Per source the stamp of its last line, and when it came, on the clock of `now_ns`.
        self._fed: dict[EvidenceSource, tuple[int, int]] = {}
        self._opened: dict[EvidenceSource, Origin] = {}
        self._seen: LruDict[tuple[str | None, int], tuple[int, ...]] = LruDict(_SEEN_KEPT)
        self._reported: LruDict[tuple[str | None, int], None] = LruDict(_SEEN_KEPT)

    def feed(self, fact: KernelFact, now_ns: int, origin: Origin | None) -> list[NewReport]:
        """
        Take a line; return the reports that are complete because of it.
        """
        assembler = self._assemblers.get(fact.source)
        if assembler is None:
            assembler = self._assemblers[fact.source] = ReportAssembler(with_beginnings=self._with_beginnings)
        reports = assembler.feed(fact.line)
        if fact.line.monotonic_us is not None:
            self._fed[fact.source] = (fact.line.monotonic_us, now_ns + _LATE_NS.get(fact.source, 0))
        new = list(self._new(reports, fact.source, origin))
        self._follow_open(fact.source, assembler, origin)
        return new

    def tick(self, now_ns: int) -> list[NewReport]:
        """
        Return the reports that are complete because no further line of them has come.
        """
        new: list[NewReport] = []
        for source, assembler in self._assemblers.items():
            if source in self._fed:
                fed_us, fed_ns = self._fed[source]
                reports = assembler.tick(fed_us + max(now_ns - fed_ns, 0) // 1000)
                new += self._new(reports, source, None)
                self._follow_open(source, assembler, None)
        return new

    def flush(self) -> list[NewReport]:
        """
        Return what has been read of the reports that are still open.
        """
        new = [
            found
            for source, assembler in self._assemblers.items()
            for found in self._new(assembler.flush(), source, None)
        ]
        self._opened.clear()
        return new

    def next_deadline_ns(self) -> int | None:
        """
        Return when `tick` should be called next.
        """
        deadlines: list[int] = []
        for source, assembler in self._assemblers.items():
            if (closes_at_us := assembler.closes_at_us) is not None and source in self._fed:
                fed_us, fed_ns = self._fed[source]
                deadlines.append(fed_ns + max(closes_at_us - fed_us, 0) * 1000)
        return min(deadlines, default=None)

    def open_at_ns(self) -> list[int]:
        """
        Return when the first and the last line of each report that is still open were printed, wall clock.
        """
        return [stamp_ns for assembler in self._assemblers.values() for stamp_ns in assembler.open_at_ns]

    def held(self) -> list[Origin]:
        """
        Return the readings in which reports began that are still open.
        """
        return list(self._opened.values())

    def _follow_open(self, source: EvidenceSource, assembler: ReportAssembler, origin: Origin | None) -> None:
        if not assembler.is_open:
            self._opened.pop(source, None)
        elif origin is not None:
            self._opened.setdefault(source, origin)

    def _new(self, reports: Iterable[OomReport], source: EvidenceSource, origin: Origin | None) -> Iterator[NewReport]:
        for report in reports:
            fresh = self._without_repetitions(report)
            if fresh is not None:
                yield NewReport(report=fresh, source=source, origin=self._opened.get(source, origin))

    def _without_repetitions(self, report: OomReport) -> OomReport | None:
        """
        Return the report with the victims that no report has named before; None when nothing in it is new.
        """
        known = self._was_reported(report)
        if not report.victims:
            return None if known else report
        victims = tuple(victim for victim in report.victims if not self._was_seen(report, victim))
        return replace(report, victims=victims) if victims else None

    def _was_reported(self, report: OomReport) -> bool:
        """
        Whether the report has come before, by its first line; another source may have had more of it.
        """
        if report.first_us is None:
            return False
        key = (report.boot_id, report.first_us)
        known = key in self._reported
        self._reported[key] = None
        return known

    def _was_seen(self, report: OomReport, victim: OomVictim) -> bool:
        killed_us = victim.monotonic_us if victim.monotonic_us is not None else report.last_us
        if killed_us is None:
            return False
        key = (report.boot_id, victim.pid)
        earlier = self._seen.get(key, ())
        if any(abs(killed_us - before_us) < _SAME_KILL_US for before_us in earlier):
            return True
        self._seen[key] = (*earlier, killed_us)[-_REUSES_KEPT:]
        return False


def kernel_kill_id(host: Host, report: OomReport) -> str:
    """
    Return the id of the kill in a report: that of its first victim, the same from each source.
    """
    first = report.victims[0]
    boot_id = host.boot.id if host.boot is not None else None
    text = first.text or (report.evidence[-1].text if report.evidence else "")
    killed = first.monotonic_us if first.monotonic_us is not None else text
    return kill_id(host.id, report.boot_id or boot_id, killed, first.pid)

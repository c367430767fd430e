"""
From lines of the kernel log to kills with a container: one incident per OOM, whoever reported it.

The kernel's text arrives once from /dev/kmsg and once from the journal; the first to come is told, the second only
confirms. A kill whose container is known is told at once. One that the kernel printed without a cgroup waits for
other evidence, at most `ATTRIBUTION_WAIT_NS`, and is then told without a container.
"""

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Final

from collector.correlate.attribution import is_main_process, place, rows_from_the_first, rows_of_container, scope_of
from collector.correlate.book import ContainerBook
from collector.correlate.claims import Claim, Claimant, Claims
from collector.correlate.facts import KernelFact, Origin
from collector.correlate.pid_index import PidIndex, Placement
from collector.correlate.witnesses import Witnesses
from parsers.oom_facts import OomReport, OomVictim
from parsers.oom_report import ReportAssembler
from sinks.event import Confidence, Evidence, EvidenceSource, Scope

# systemd's line about the unit follows within 1 s even in a storm on an emulated machine (docs/adr/0006).
ATTRIBUTION_WAIT_NS: Final = 2_000_000_000
_PATIENCE_NS: Final = 10_000_000_000
_LOOK_AGAIN_NS: Final = 200_000_000
_EXIT_WITHIN_NS: Final = 1_000_000_000
# Two sources give a kill the same stamp, a group's first victim is printed twice; no pid is used again so soon.
_SAME_KILL_US: Final = 100_000
# Who hands lines on with a delay of its own: journald reads the kernel's log at its ticks, which are up to 10 ms apart.
_LATE_NS: Final = {EvidenceSource.JOURNALD: 20_000_000}
_REUSES_KEPT: Final = 8
_SEEN_KEPT: Final = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedVictim:
    """
    A killed process and its container.
    """

    victim: OomVictim
    placement: Placement
    main_process: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelKill:
    """
    One OOM of the kernel with all its victims, ready to be told.

    Attributes:
        claim: what named the container, where the kernel did not.
        witnesses: what other sources have seen of the victims by now.
    """

    report: OomReport
    source: EvidenceSource
    victims: tuple[PlacedVictim, ...]
    scope: Scope | None
    claim: Claim | None = None
    witnesses: tuple[Evidence, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Waiting:
    report: OomReport
    source: EvidenceSource
    deadline_ns: int
    patience_ends_ns: int
    origins: list[Origin] = field(default_factory=list)


class Kills:
    """
    The kernel's OOM kills of one host.

    Args:
        book: the containers; read only.
        pids: pids known before their death.
        claims: who says that a container lost a process.
        witnesses: what others saw of a process; read only.

    Attributes:
        exits_follow: the end of each process will be reported with its container; nothing is guessed before that.
        exits_read_ns: until when all ends have been reported, wall clock.
    """

    def __init__(self, book: ContainerBook, pids: PidIndex, claims: Claims, witnesses: Witnesses) -> None:
        self._book = book
        self._pids = pids
        self._claims = claims
        self._witnesses = witnesses
        self.exits_follow = False
        self.exits_read_ns = 0
        self._assemblers: dict[EvidenceSource, ReportAssembler] = {}
        self._fed: dict[EvidenceSource, tuple[int, int]] = {}
        self._opened: dict[EvidenceSource, Origin] = {}
        self._waiting: list[_Waiting] = []
        self._seen: OrderedDict[tuple[str | None, int], tuple[int, ...]] = OrderedDict()
        self._reported: OrderedDict[tuple[str | None, int], None] = OrderedDict()
        self._incomplete: list[OomReport] = []

    def feed(self, fact: KernelFact, now_ns: int, origin: Origin | None) -> list[KernelKill]:
        """
        Take a line; gives the kills that are ready to be told.
        """
        assembler = self._assemblers.setdefault(fact.source, ReportAssembler())
        reports = assembler.feed(fact.line)
        if fact.line.monotonic_us is not None:
            self._fed[fact.source] = (fact.line.monotonic_us, now_ns + _LATE_NS.get(fact.source, 0))
        ready = self._take(reports, fact.source, now_ns, origin)
        self._note_open(fact.source, assembler, origin)
        return ready

    def tick(self, now_ns: int) -> list[KernelKill]:
        """
        Close reports that are quiet, and stop to wait where the time is up.
        """
        ready: list[KernelKill] = []
        for source, assembler in self._assemblers.items():
            if source in self._fed:
                fed_us, fed_ns = self._fed[source]
                reports = assembler.tick(fed_us + max(now_ns - fed_ns, 0) // 1000)
                ready += self._take(reports, source, now_ns, self._opened.get(source))
                self._note_open(source, assembler, None)
        return ready + self.settle(now_ns)

    def settle(self, now_ns: int) -> list[KernelKill]:
        """
        Look again at the kills that wait for their container.
        """
        ready: list[KernelKill] = []
        self._be_patient(now_ns)
        claims = self._pair(now_ns)
        for waiting, claim in zip(list(self._waiting), claims, strict=True):
            kill = self._resolve(waiting, claim, overdue=now_ns >= waiting.deadline_ns)
            if kill is not None:
                self._waiting.remove(waiting)
                ready.append(kill)
        return ready

    def flush(self) -> list[KernelKill]:
        """
        The input is at its end: tell everything with what is known.
        """
        ready: list[KernelKill] = []
        for source, assembler in self._assemblers.items():
            ready += self._take(assembler.flush(), source, 0, None)
        self._opened.clear()
        for waiting in self._waiting:
            waiting.deadline_ns = waiting.patience_ends_ns = 0
        return ready + self.settle(0)

    def incomplete(self) -> list[OomReport]:
        """
        Reports that ended without a kill since the last call; see `Correlator`.
        """
        found, self._incomplete = self._incomplete, []
        return found

    def next_deadline_ns(self) -> int | None:
        """
        When `tick` should be called next.
        """
        deadlines = [waiting.deadline_ns for waiting in self._waiting]
        for source, assembler in self._assemblers.items():
            if (closes_at_us := assembler.closes_at_us) is not None and source in self._fed:
                fed_us, fed_ns = self._fed[source]
                deadlines.append(fed_ns + max(closes_at_us - fed_us, 0) * 1000)
        return min(deadlines, default=None)

    @property
    def waits(self) -> bool:
        """
        Whether a kill waits for its container.
        """
        return bool(self._waiting)

    def held(self) -> list[Origin]:
        """
        Readings that must come again if the agent dies now.
        """
        return [*self._opened.values(), *(origin for waiting in self._waiting for origin in waiting.origins)]

    def _note_open(self, source: EvidenceSource, assembler: ReportAssembler, origin: Origin | None) -> None:
        if assembler.open_since_us is None and not assembler.interested:
            self._opened.pop(source, None)
        elif origin is not None:
            self._opened.setdefault(source, origin)

    def _take(
        self, reports: list[OomReport], source: EvidenceSource, now_ns: int, origin: Origin | None
    ) -> list[KernelKill]:
        ready: list[KernelKill] = []
        for report in reports:
            fresh = self._fresh(report)
            if fresh is None:
                continue
            self._learn(fresh)
            opened = self._opened.get(source, origin)
            waiting = _Waiting(
                report=fresh,
                source=source,
                deadline_ns=now_ns + ATTRIBUTION_WAIT_NS,
                patience_ends_ns=now_ns + _PATIENCE_NS,
            )
            if opened is not None:
                waiting.origins.append(opened)
            kill = self._resolve(waiting, None, overdue=False)
            if kill is not None:
                ready.append(kill)
            else:
                self._waiting.append(waiting)
        return ready

    def _fresh(self, report: OomReport) -> OomReport | None:
        """
        The report with only those victims that were not told yet; None when there are none.
        """
        known = self._was_reported(report)
        if not report.victims:
            self._incomplete += [report] if not known else []
            return None
        victims = tuple(victim for victim in report.victims if not self._was_seen(report, victim))
        return replace(report, victims=victims) if victims else None

    def _was_reported(self, report: OomReport) -> bool:
        """
        Whether a report has come before, by its first line, perhaps by another source and with more in it.
        """
        if report.first_us is None:
            return False
        key = (report.boot_id, report.first_us)
        known = key in self._reported
        self._reported[key] = None
        if len(self._reported) > _SEEN_KEPT:
            self._reported.popitem(last=False)
        return known

    def _was_seen(self, report: OomReport, victim: OomVictim) -> bool:
        moment_us = victim.monotonic_us if victim.monotonic_us is not None else report.last_us
        if moment_us is None:
            return False
        key = (report.boot_id, victim.pid)
        moments = self._seen.get(key, ())
        if any(abs(moment_us - before_us) < _SAME_KILL_US for before_us in moments):
            return True
        self._seen[key] = (*moments, moment_us)[-_REUSES_KEPT:]
        if len(self._seen) > _SEEN_KEPT:
            self._seen.popitem(last=False)
        return False

    def _learn(self, report: OomReport) -> None:
        for victim in report.victims:
            placement = place(report, victim, self._book, self._pids)
            if placement is not None and placement.container_id is not None:
                rows = rows_of_container(report, placement.container_id)
                self._pids.learn_tasks(placement.container_id, rows, victim.at_ns)

    def _resolve(self, waiting: _Waiting, claim: Claim | None, *, overdue: bool) -> KernelKill | None:
        report = waiting.report
        surely = self.exits_follow and not overdue
        placements = [place(report, victim, self._book, self._pids, surely=surely) for victim in report.victims]
        if placements[0] is not None:
            claim = None
        elif overdue or (claim is not None and len(self._waiting) == 1):
            placements[0] = _by_claim(claim, overdue=overdue)
        else:
            return None
        placed = tuple(
            self._placed(report, victim, placement or placements[0] or _NOWHERE)
            for victim, placement in zip(report.victims, placements, strict=True)
        )
        self._explain(placed, claim)
        container_id = placed[0].placement.container_id
        return KernelKill(
            report=report,
            source=waiting.source,
            victims=placed,
            scope=scope_of(report, container_id) or self._assumed_scope(report, container_id),
            claim=claim,
            witnesses=tuple(
                evidence for victim in report.victims for evidence in self._witnesses.of_kill(victim.pid, victim.at_ns)
            ),
        )

    def _be_patient(self, now_ns: int) -> None:
        """
        On a host short of CPU the exits may be read late: wait for those that are still to be read.
        """
        for waiting in self._waiting:
            killed_ns = waiting.report.victims[0].at_ns
            if not self.exits_follow or killed_ns is None or self.exits_read_ns > killed_ns + _EXIT_WITHIN_NS:
                continue
            if waiting.deadline_ns <= now_ns < waiting.patience_ends_ns:
                waiting.deadline_ns = min(now_ns + _LOOK_AGAIN_NS, waiting.patience_ends_ns)

    def _pair(self, now_ns: int) -> list[Claim | None]:
        """
        The claims of the waiting kills: one that is alone takes systemd's if there is only one, several are paired
        when due. Docker's claims come in no order to the kernel's lines, so they too are a last resort.
        """
        moments = [_claimable_ns(waiting.report) for waiting in self._waiting]
        if len(moments) == 1 and moments[0] is not None:
            only = self._claims.only(moments[0])
            if only is not None and only.claimant is Claimant.SYSTEMD and not self.exits_follow:
                return [only]
        if not any(now_ns >= waiting.deadline_ns for waiting in self._waiting):
            return [None] * len(moments)
        paired = iter(self._claims.pair([moment for moment in moments if moment is not None]))
        return [next(paired) if moment is not None else None for moment in moments]

    def _explain(self, placed: tuple[PlacedVictim, ...], claim: Claim | None) -> None:
        if claim is not None:
            self._claims.take(claim)
        for item in placed:
            self._pids.killed(item.victim.pid, item.victim.at_ns)
            if claim is None and item.placement.container_id is not None and item.victim.at_ns is not None:
                self._claims.explain(item.placement.container_id, item.victim.at_ns)

    def _placed(self, report: OomReport, victim: OomVictim, placement: Placement) -> PlacedVictim:
        main: bool | None = None
        if placement.container_id is not None:
            record = self._book.get(placement.container_id)
            process = replace(victim, pid=report.process_of(victim))
            main = is_main_process(process, record, rows_from_the_first(report, placement.container_id))
        return PlacedVictim(victim=victim, placement=placement, main_process=main)

    def _assumed_scope(self, report: OomReport, container_id: str | None) -> Scope | None:
        """
        A memcg kill without its cgroups: the container's own limit was hit, where it has one; else one above it.
        """
        record = self._book.get(container_id) if container_id is not None else None
        if record is None or record.snapshot is None:
            return None
        if record.snapshot.memory_limit_bytes:
            return Scope.CONTAINER
        return Scope.PARENT if report.is_global is False else None


_NOWHERE: Final = Placement(container_id=None, runtime=None, confidence=Confidence.POSSIBLE)


def _claimable_ns(report: OomReport) -> int | None:
    """
    When a kill happened that a container may claim; those of the whole host nobody claims.
    """
    return None if report.is_global else report.victims[0].at_ns


def _by_claim(claim: Claim | None, *, overdue: bool) -> Placement:
    if claim is None:
        return _NOWHERE
    return Placement(
        container_id=claim.container_id,
        runtime="docker",
        confidence=Confidence.POSSIBLE if overdue else Confidence.LIKELY,
        how=claim.text,
    )

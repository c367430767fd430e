"""
From OOM reports to kernel kills with their container: one finding per OOM.

A kill whose container is known is returned at once. A kill that the kernel printed without a cgroup waits for other
evidence: `ATTRIBUTION_WAIT_NS`, and on until the sources that can have evidence have been read past the kill.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from collector.correlate.attribution import (
    UNATTRIBUTED,
    assumed_scope,
    attribute,
    attributed_by_notice,
    is_attributed_by_path,
    is_main_process,
    limit_of,
    rows_of_container,
    scope_of,
)
from collector.correlate.findings import AttributedVictim, IncompleteReport, KernelKill
from collector.correlate.inventory import ContainerInventory
from collector.correlate.kill_reports import KillReports, NewReport, kernel_kill_id
from collector.correlate.oom_notices import NoticeSource, OomNotice, OomNotices
from collector.correlate.pid_index import Attribution, PidIndex
from collector.correlate.pid_observations import PidObservations
from collector.correlate.watermarks import ASK_AHEAD_NS, ATTRIBUTION_LAGS_NS, CAP_NS, Wait, Watermarks
from collector.facts.kernel import KernelFact
from collector.facts.observed import Origin
from parsers.oom.facts import OomReport, OomVictim
from sinks.event import EvidenceSource, Host

# systemd's line about the unit follows within 1 s even in a storm on an emulated machine (docs/adr/0006).
ATTRIBUTION_WAIT_NS: Final = 2_000_000_000
_CONNECTOR: Final = "processes"


@dataclass(slots=True, kw_only=True)
class _Waiting(Wait):
    """
    A report whose container is not known yet.

    Attributes:
        attributions: of its victims, as far as known.
        attributed_from: the revision of the pid index behind them, and whether only certain owners counted.
        unread: sources that had not been read past the kill when its time was up.
    """

    report: OomReport
    source: EvidenceSource
    origins: list[Origin]
    attributions: list[Attribution | None] = field(default_factory=list)
    attributed_from: tuple[int, bool] | None = None
    unread: tuple[str, ...] = ()


class KernelKills:
    """
    The kernel's OOM kills of one host.

    Args:
        host: where; part of the kills' ids.
        inventory: the containers; read only.
        pids: pids known before their death.
        notices: which containers lost a process, without the pid.
        observations: what other sources saw of a process; read only.
        watermarks: how far the sources have been read; read only, but for sources that are given up.
        with_beginnings: as for `KillReports`.
    """

    def __init__(
        self,
        host: Host,
        inventory: ContainerInventory,
        pids: PidIndex,
        notices: OomNotices,
        observations: PidObservations,
        *,
        watermarks: Watermarks,
        with_beginnings: bool,
    ) -> None:
        self._host = host
        self._inventory, self._pids = inventory, pids
        self._notices, self._observations = notices, observations
        self._watermarks = watermarks
        self._reports = KillReports(with_beginnings=with_beginnings)
        self._waiting: list[_Waiting] = []

    def feed(self, fact: KernelFact, now_ns: int, origin: Origin | None) -> list[KernelKill | IncompleteReport]:
        """
        Take a line; return the kills that are complete because of it, and the reports that end before a kill.
        """
        return self._take(self._reports.feed(fact, now_ns, origin), now_ns)

    def tick(self, now_ns: int) -> list[KernelKill | IncompleteReport]:
        """
        Close reports that no further line has come for, and stop waiting where the time is up.
        """
        return [*self._take(self._reports.tick(now_ns), now_ns), *self.retry_waiting(now_ns)]

    def retry_waiting(self, now_ns: int) -> list[KernelKill]:
        """
        Attribute the waiting kills again; return those whose container is known now or whose time is up.
        """
        ready: list[KernelKill] = []
        self._extend_deadlines(now_ns)
        notices = self._pair(now_ns)
        for waiting, notice in zip(list(self._waiting), notices, strict=True):
            kill = self._resolve(waiting, notice, overdue=now_ns >= waiting.deadline_ns)
            if kill is not None:
                self._waiting.remove(waiting)
                ready.append(kill)
        return ready

    def flush(self) -> list[KernelKill | IncompleteReport]:
        """
        End the input: return everything, with what is known.
        """
        ready = self._take(self._reports.flush(), 0)
        for waiting in self._waiting:
            waiting.deadline_ns = waiting.latest_ns = 0
        return [*ready, *self.retry_waiting(0)]

    def next_deadline_ns(self) -> int | None:
        """
        Return when `tick` should be called next.
        """
        deadlines = (self._reports.next_deadline_ns(), *(waiting.deadline_ns for waiting in self._waiting))
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def unpublished_ns(self) -> list[int]:
        """
        Return the times of kills that are not published yet, wall clock, the oldest first.

        They wait for their container, or for the next line of their report.
        """
        waiting_ns = (waiting.report.victims[0].at_ns for waiting in self._waiting)
        return sorted([*(at_ns for at_ns in waiting_ns if at_ns is not None), *self._reports.open_at_ns()])

    def wants_watermarks(self, now_ns: int) -> bool:
        """
        Return whether a kill waits for sources to be read, or will soon.
        """
        return any(now_ns >= waiting.deadline_ns - ASK_AHEAD_NS for waiting in self._waiting)

    def held(self) -> list[Origin]:
        """
        Return the readings that must be read again if the agent dies now.
        """
        return [*self._reports.held(), *(origin for waiting in self._waiting for origin in waiting.origins)]

    def _take(self, reports: Iterable[NewReport], now_ns: int) -> list[KernelKill | IncompleteReport]:
        kills: list[KernelKill] = []
        incomplete: list[IncompleteReport] = []
        for new in reports:
            if not new.report.victims:
                incomplete.append(IncompleteReport(report=new.report))
                continue
            waiting = _Waiting(
                report=new.report,
                source=new.source,
                deadline_ns=now_ns + ATTRIBUTION_WAIT_NS,
                latest_ns=now_ns + CAP_NS,
                origins=[new.origin] if new.origin is not None else [],
            )
            self._learn_tasks(waiting)
            kill = self._resolve(waiting, None, overdue=False)
            if kill is not None:
                kills.append(kill)
            else:
                self._waiting.append(waiting)
        return [*kills, *incomplete]

    def _learn_tasks(self, waiting: _Waiting) -> None:
        """
        Learn the pids of the report's task table, where it is the table of a container.
        """
        report = waiting.report
        if report.is_global or report.oom_memcg is None or not report.tasks:
            return
        if is_attributed_by_path(report):
            attributions: Iterable[Attribution | None] = self._attribute(waiting, certain_only=False)
        else:  # one by one: what is learned for a victim may attribute the next
            attributions = (attribute(report, victim, self._inventory, self._pids) for victim in report.victims)
        for victim, attribution in zip(report.victims, attributions, strict=True):
            if attribution is not None and attribution.container_id is not None:
                rows = rows_of_container(report, attribution.container_id)
                self._pids.learn_tasks(attribution.container_id, rows, victim.at_ns)

    def _attribute(self, waiting: _Waiting, *, certain_only: bool) -> list[Attribution | None]:
        """
        Attribute the victims; the last result is used again while nothing has been learned that could change it.
        """
        by_path = is_attributed_by_path(waiting.report)
        basis = (0, False) if by_path else (self._pids.revision, certain_only)
        if waiting.attributed_from != basis:
            waiting.attributed_from = basis
            waiting.attributions = [
                attribute(waiting.report, victim, self._inventory, self._pids, certain_only=certain_only)
                for victim in waiting.report.victims
            ]
        return list(waiting.attributions)

    def _resolve(self, waiting: _Waiting, notice: OomNotice | None, *, overdue: bool) -> KernelKill | None:
        # While the connector is up, the end of each process will be reported with its container: nothing is guessed.
        certain_only = self._watermarks.is_up(_CONNECTOR) and not overdue
        attributions = self._attribute(waiting, certain_only=certain_only)
        if attributions[0] is not None:
            notice = None
        elif overdue or (notice is not None and len(self._waiting) == 1):
            attributions[0] = attributed_by_notice(notice, waiting.unread, overdue=overdue)
        else:
            return None
        attributed = tuple(
            self._attributed(waiting.report, victim, attribution or attributions[0] or UNATTRIBUTED)
            for victim, attribution in zip(waiting.report.victims, attributions, strict=True)
        )
        self._explain(attributed, notice)
        return self._kill(waiting, attributed, notice)

    def _kill(self, waiting: _Waiting, victims: tuple[AttributedVictim, ...], notice: OomNotice | None) -> KernelKill:
        report = waiting.report
        container_id = victims[0].attribution.container_id
        record = self._inventory.get(container_id) if container_id is not None else None
        scope = scope_of(report, container_id) or assumed_scope(report, record)
        return KernelKill(
            id=kernel_kill_id(self._host, report),
            report=report,
            source=waiting.source,
            victims=victims,
            record=record,
            scope=scope,
            limit_bytes=limit_of(report, record, scope),
            notice=notice,
            observations=tuple(
                evidence
                for victim in report.victims
                for evidence in self._observations.of_kill(victim.pid, victim.at_ns)
            ),
        )

    def _extend_deadlines(self, now_ns: int) -> None:
        """
        Wait longer while a source that may have evidence of a kill has not been read past the kill.
        """
        for waiting in self._waiting:
            if now_ns >= waiting.deadline_ns:
                killed_ns = waiting.report.victims[0].at_ns
                waiting.unread = self._watermarks.extend(waiting, now_ns, killed_ns, ATTRIBUTION_LAGS_NS)

    def _pair(self, now_ns: int) -> list[OomNotice | None]:
        """
        Find the notices of the waiting kills.

        A kill that waits alone takes systemd's notice if there is only one; several kills are paired when one is due.
        Docker's notices come in no order relative to the kernel's lines: they too are used only when a kill is due.
        """
        killed_ns = [_noticeable_ns(waiting.report) for waiting in self._waiting]
        if len(killed_ns) == 1 and killed_ns[0] is not None:
            only = self._notices.only(killed_ns[0])
            connector_up = self._watermarks.is_up(_CONNECTOR)
            if only is not None and only.notice_source is NoticeSource.SYSTEMD and not connector_up:
                return [only]
        if not any(now_ns >= waiting.deadline_ns for waiting in self._waiting):
            return [None] * len(killed_ns)
        paired = iter(self._notices.pair([at_ns for at_ns in killed_ns if at_ns is not None]))
        return [next(paired) if at_ns is not None else None for at_ns in killed_ns]

    def _explain(self, attributed: tuple[AttributedVictim, ...], notice: OomNotice | None) -> None:
        if notice is not None:
            self._notices.take(notice)
        for item in attributed:
            self._pids.killed(item.victim.pid, item.victim.at_ns)
            if notice is None and item.attribution.container_id is not None and item.victim.at_ns is not None:
                self._notices.explain(item.attribution.container_id, item.victim.at_ns)

    def _attributed(self, report: OomReport, victim: OomVictim, attribution: Attribution) -> AttributedVictim:
        main: bool | None = None
        if attribution.container_id is not None:
            main = is_main_process(report, victim, attribution.container_id, self._inventory)
        return AttributedVictim(victim=victim, attribution=attribution, main_process=main)


def _noticeable_ns(report: OomReport) -> int | None:
    """
    Return when a kill happened that a container can notice; nobody notices that the whole host ran out of memory.
    """
    return None if report.is_global else report.victims[0].at_ns

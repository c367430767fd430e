"""
Lines of the kernel log to OOM reports: a state machine without clock or I/O.

A report has no end mark. It is closed when the kernel's clock has passed `SETTLE_US` since its last kill, since
members of a memory.oom.group follow their first within milliseconds, or when the next report begins. Reports of two
CPUs may interleave: a kill joins the report whose summary or choice named its pid.
"""

from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from parsers.cgroup_path import container_of
from parsers.oom_facts import KernelLine, MemoryUsage, OomReport, OomVictim, TaskRow
from parsers.oom_line import (
    AlreadyExiting,
    Chosen,
    GroupKill,
    Invoked,
    Killed,
    MemcgLimit,
    MemcgStats,
    NoKillable,
    OomLine,
    Summary,
    Suppressed,
    SysRq,
    TaskHeader,
    TriggerProcess,
    Usage,
    parse_line,
    parse_row,
    parse_stat,
)

SETTLE_US: Final = 5_000
GROUP_SETTLE_US: Final = 250_000
GIVE_UP_US: Final = 10_000_000
_OPEN_AT_MOST: Final = 64
_ROWS_AT_MOST: Final = 4096
_STATS_AT_MOST: Final = 512
_PAGE_SIZES: Final = (4096, 16384, 65536)


@dataclass(slots=True)
class _Draft:
    """
    A report that is not closed yet.
    """

    report: OomReport
    caller: str | None
    evidence: list[KernelLine] = field(default_factory=list)
    victims: list[OomVictim] = field(default_factory=list)
    tasks: list[TaskRow] = field(default_factory=list)
    stats: dict[str, dict[str, int]] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    stats_path: str | None = None
    summary: OomVictim | None = None
    last_us: int | None = None
    last_kill_us: int | None = None

    @property
    def killed(self) -> bool:
        return bool(self.victims)

    def names(self, pid: int) -> bool:
        """
        Whether the report announced the kill of this pid.
        """
        announced = self.summary.pid if self.summary is not None else self.report.chosen_pid
        return announced == pid

    def finished(self) -> OomReport:
        victims = self.victims or ([self.summary] if self.summary is not None else [])
        containers = [path for path in self.stats if container_of(path) is not None]
        return replace(
            self.report,
            evidence=tuple(self.evidence),
            victims=tuple(victims),
            tasks=tuple(self.tasks),
            memcg_stats=dict(self.stats),
            victim_cgroup_hint=containers[0] if len(containers) == 1 else None,
            page_size_bytes=_page_size(victims, self.tasks),
        )


class ReportAssembler:
    """
    Assembles the reports of one kernel log.
    """

    def __init__(self) -> None:
        self._open: list[_Draft] = []
        self._suppressed = 0
        self._sysrq = False

    @property
    def interested(self) -> bool:
        """
        Whether a report is open, so that every line matters.
        """
        return bool(self._open)

    @property
    def open_since_us(self) -> int | None:
        """
        When the oldest open report began; None when none is open.
        """
        return next((draft.report.first_us or 0 for draft in self._open), None)

    @property
    def closes_at_us(self) -> int | None:
        """
        When, on the kernel's clock, `tick` will close the next report by itself; None when none is open.
        """
        moments = [moment for draft in self._open if (moment := _over_at_us(draft)) is not None]
        return min(moments, default=None)

    def feed(self, line: KernelLine) -> list[OomReport]:
        """
        Take a line; gives the reports that it closes.
        """
        closed = self.tick(line.monotonic_us) if line.monotonic_us is not None else []
        fact = parse_line(line.text)
        if fact is None:
            self._continue(line)
            return closed
        return closed + self._take(fact, line)

    def tick(self, monotonic_us: int) -> list[OomReport]:
        """
        The kernel's clock has come to a moment; gives the reports that are over by then.
        """
        return self._close([draft for draft in self._open if _is_over(draft, monotonic_us)])

    def flush(self) -> list[OomReport]:
        """
        The input is at its end; gives what is open, as it stands.
        """
        return self._close(list(self._open))

    def _take(self, fact: OomLine, line: KernelLine) -> list[OomReport]:  # noqa: C901, PLR0912 (one arm a kind of line)
        closed: list[OomReport] = []
        match fact:
            case Invoked():
                closed = self._begin(fact, line)
            case Killed():
                closed = self._kill(fact, line)
            case Summary():
                self._summarize(fact, line)
            case Chosen():
                draft = self._draft(line)
                draft.report = replace(
                    draft.report, message=fact.message, chosen_pid=fact.pid, chosen_comm=fact.comm
                )
                draft.evidence.append(line)
            case GroupKill():
                self._group(fact, line)
            case MemcgLimit():
                draft = self._draft(line)
                draft.report = replace(draft.report, task_memcg=fact.task_memcg, oom_memcg=fact.oom_memcg)
                draft.evidence.append(line)
            case NoKillable():
                draft = self._draft(line)
                draft.report = replace(draft.report, no_killable=True)
                draft.evidence.append(line)
            case TriggerProcess() | Usage() | MemcgStats() | TaskHeader() | AlreadyExiting():
                self._detail(fact, line)
            case Suppressed():
                self._suppressed += fact.count
            case SysRq():
                self._sysrq = True
            case _:
                assert_never(fact)
        return closed

    def _begin(self, fact: Invoked, line: KernelLine) -> list[OomReport]:
        closed = self._close([draft for draft in self._open if draft.killed and draft.caller == line.caller])
        draft = self._new(line)
        draft.report = replace(
            draft.report,
            trigger_comm=fact.comm,
            gfp_mask=fact.gfp_mask,
            order=fact.order,
            sysrq=self._sysrq or fact.order == -1,
            suppressed=self._suppressed,
        )
        self._suppressed, self._sysrq = 0, False
        draft.evidence.append(line)
        return closed + self._close(self._open[:-_OPEN_AT_MOST])

    def _kill(self, fact: Killed, line: KernelLine) -> list[OomReport]:
        draft = self._draft_of_kill(fact, line)
        closed: list[OomReport] = []
        if draft is None:
            closed = self._close([item for item in self._open if item.killed and item.caller == line.caller])
            draft = self._new(line)
        draft.evidence.append(line)
        draft.last_kill_us = line.monotonic_us
        draft.last_us = line.monotonic_us
        draft.report = replace(
            draft.report,
            message=fact.message or draft.report.message,
            last_us=line.monotonic_us,
            last_at_ns=line.at_ns,
        )
        if all(victim.pid != fact.pid for victim in draft.victims):
            draft.victims.append(_victim(fact, line))
        return closed

    def _draft_of_kill(self, fact: Killed, line: KernelLine) -> _Draft | None:
        """
        The report that a kill belongs to: the one that announced it, a group, or the youngest that announced nobody.
        """
        same = [draft for draft in self._open if draft.caller == line.caller]
        for draft in reversed(same):
            if not draft.killed and draft.names(fact.pid):
                return draft
        for draft in reversed(same):
            if draft.report.group:
                return draft
        for draft in reversed(same):
            if not draft.killed and draft.summary is None:
                return draft
        return None

    def _summarize(self, fact: Summary, line: KernelLine) -> None:
        draft = self._draft(line)
        if draft.summary is not None:
            draft = self._new(line)
        draft.report = replace(
            draft.report,
            constraint=fact.constraint,
            nodemask=fact.nodemask,
            cpuset=fact.cpuset,
            mems_allowed=fact.mems_allowed,
            oom_memcg=fact.oom_memcg or draft.report.oom_memcg,
            task_memcg=fact.task_memcg or draft.report.task_memcg,
            last_us=line.monotonic_us,
            last_at_ns=line.at_ns,
        )
        draft.evidence.append(line)
        if fact.pid is not None and fact.comm is not None:
            draft.summary = OomVictim(
                pid=fact.pid,
                comm=fact.comm,
                confirmed=False,
                uid=fact.uid,
                monotonic_us=line.monotonic_us,
                at_ns=line.at_ns,
                text=line.text,
            )

    def _group(self, fact: GroupKill, line: KernelLine) -> None:
        draft = next((item for item in reversed(self._open) if item.caller == line.caller), None)
        if draft is None:
            draft = self._new(line)
        path = draft.report.task_memcg or fact.path
        draft.report = replace(draft.report, group=True, task_memcg=path)
        draft.last_kill_us = line.monotonic_us
        draft.evidence.append(line)

    def _detail(
        self, fact: TriggerProcess | Usage | MemcgStats | TaskHeader | AlreadyExiting, line: KernelLine
    ) -> None:
        """
        A line that means something only inside a report.
        """
        draft = self._current(line)
        if draft is None and isinstance(fact, MemcgStats) and fact.path:
            draft = self._new(line)
        if draft is None:
            return
        match fact:
            case TriggerProcess():
                if draft.report.trigger_pid is None:
                    draft.report = replace(draft.report, trigger_pid=fact.pid)
            case Usage():
                _set_usage(draft, fact.kind, fact.usage)
            case MemcgStats():
                draft.stats_path = fact.path
                if len(draft.stats) < _STATS_AT_MOST:
                    draft.stats.setdefault(fact.path, {}).update(fact.values)
            case TaskHeader():
                draft.columns = fact.columns
            case AlreadyExiting():
                pids = (*draft.report.already_exiting, fact.pid)
                draft.report = replace(draft.report, already_exiting=pids[:_ROWS_AT_MOST])
            case _:
                assert_never(fact)

    def _continue(self, line: KernelLine) -> None:
        """
        A line of no kind of its own: a row of the table or of the statistics of the report that is open.
        """
        draft = self._current(line)
        if draft is None:
            return
        if draft.columns:
            row = parse_row(line.text, draft.columns)
            if row is not None and len(draft.tasks) < _ROWS_AT_MOST:
                draft.tasks.append(row)
        elif draft.stats_path is not None:
            stat = parse_stat(line.text)
            if stat is not None and len(draft.stats[draft.stats_path]) < _STATS_AT_MOST:
                draft.stats[draft.stats_path][stat[0]] = stat[1]

    def _current(self, line: KernelLine) -> _Draft | None:
        same = [draft for draft in self._open if draft.caller == line.caller]
        return next((draft for draft in reversed(same) if not draft.killed or draft.report.group), None)

    def _draft(self, line: KernelLine) -> _Draft:
        draft = self._current(line)
        return draft if draft is not None else self._new(line)

    def _new(self, line: KernelLine) -> _Draft:
        report = OomReport(
            boot_id=line.boot_id,
            first_us=line.monotonic_us,
            last_us=line.monotonic_us,
            first_at_ns=line.at_ns,
            last_at_ns=line.at_ns,
        )
        draft = _Draft(report=report, caller=line.caller, last_us=line.monotonic_us)
        self._open.append(draft)
        return draft

    def _close(self, drafts: list[_Draft]) -> list[OomReport]:
        for draft in drafts:
            self._open.remove(draft)
        return [draft.finished() for draft in drafts if _says_something(draft)]


def _says_something(draft: _Draft) -> bool:
    report = draft.report
    told = draft.victims or draft.summary or report.chosen_pid is not None or report.no_killable
    return bool(told) or report.task_memcg is not None or report.oom_memcg is not None


def _is_over(draft: _Draft, now_us: int) -> bool:
    over_at_us = _over_at_us(draft)
    return over_at_us is not None and now_us >= over_at_us


def _over_at_us(draft: _Draft) -> int | None:
    if draft.last_kill_us is not None:
        return draft.last_kill_us + (GROUP_SETTLE_US if draft.report.group else SETTLE_US)
    return draft.report.first_us + GIVE_UP_US if draft.report.first_us is not None else None


def _set_usage(draft: _Draft, kind: str, usage: MemoryUsage) -> None:
    match kind:
        case "memory":
            draft.report = replace(draft.report, memory=usage)
        case "memory+swap":
            draft.report = replace(draft.report, memory_swap=usage)
        case "swap":
            draft.report = replace(draft.report, swap=usage)
        case _:
            draft.report = replace(draft.report, kmem=usage)


def _victim(fact: Killed, line: KernelLine) -> OomVictim:
    return OomVictim(
        pid=fact.pid,
        comm=fact.comm,
        confirmed=True,
        uid=fact.sizes.get("uid"),
        total_vm_bytes=fact.sizes.get("total-vm"),
        anon_rss_bytes=fact.sizes.get("anon-rss"),
        file_rss_bytes=fact.sizes.get("file-rss"),
        shmem_rss_bytes=fact.sizes.get("shmem-rss"),
        pgtables_bytes=fact.sizes.get("pgtables"),
        oom_score_adj=fact.sizes.get("oom_score_adj"),
        monotonic_us=line.monotonic_us,
        at_ns=line.at_ns,
        text=line.text,
    )


def _page_size(victims: list[OomVictim], tasks: list[TaskRow]) -> int | None:
    """
    The machine's page size, where the victim's row and its kill line tell it.
    """
    for victim in victims:
        for row in tasks:
            if row.tgid == victim.pid and victim.total_vm_bytes and row.total_vm_pages:
                size, rest = divmod(victim.total_vm_bytes, row.total_vm_pages)
                return size if rest == 0 and size in _PAGE_SIZES else None
    return None


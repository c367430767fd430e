"""
Hold one OOM report while the kernel prints it.

A draft takes the facts of its lines one by one. `routing.py` chooses the draft that a line belongs to, and
`lifetime.py` says when no more lines can follow. Everything that a draft holds is bounded, because the processes of a
host can make a report as long as they like.
"""

from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from parsers.cgroup_path import container_of, is_nested
from parsers.oom.facts import KernelLine, OomReport, OomVictim
from parsers.oom.figures import Figures
from parsers.oom.line import Invoked, MemcgLimit, NoKillable, Panic, TriggerCpuset, TriggerProcess
from parsers.oom.summary import Summary, victim_of_summary
from parsers.oom.table import MemcgStats, TaskHeader, TaskTitle, Usage
from parsers.oom.victim import AlreadyExiting, Chosen, Killed, victim_of_kill

# A step is a line that a report has at most once; a detail is a line that means something only inside a report.
Step = Summary | Chosen | MemcgLimit | NoKillable | Panic
Detail = TriggerProcess | TriggerCpuset | Usage | MemcgStats | TaskTitle | TaskHeader | AlreadyExiting

# A bound on memory. A group kill of more processes goes on in another report.
VICTIMS_AT_MOST: Final = 4096


@dataclass(slots=True)
class Draft:
    """
    An open report.

    Attributes:
        report: what is known so far, without what the other attributes hold.
        last: the last line.
        caller: the printer of the lines, `T<tid>` or `C<cpu>`, where the kernel prints it.
        trigger_cpuset: the name of the trigger's cpuset; for a container the name contains its id.
        without_groups: this boot cannot kill whole cgroups (cgroup v1), so nothing follows a kill.
        figures: usages, statistics and the task table.
        summary: the victim that the summary names.
        assumed_thread: a killed pid that the summary does not name, assumed to be a thread of the process it names.
        group_path: the cgroup that is killed as a whole.
        unfinished: the beginning of a line that the kernel prints in pieces.
        ended_us: the time of the last line that may end a report, in microseconds on the kernel's clock.
    """

    report: OomReport
    last: KernelLine
    caller: str | None
    without_groups: bool = False
    trigger_cpuset: str | None = None
    evidence: list[KernelLine] = field(default_factory=list)
    victims: dict[int, OomVictim] = field(default_factory=dict)
    figures: Figures = field(default_factory=Figures)
    summary: OomVictim | None = None
    assumed_thread: int | None = None
    group_path: str | None = None
    unfinished: KernelLine | None = None
    ended_us: int | None = None

    @classmethod
    def at(cls, line: KernelLine, *, without_groups: bool) -> "Draft":
        """
        Open an empty report at the time of a line.
        """
        report = OomReport(boot_id=line.boot_id, first_us=line.monotonic_us, first_at_ns=line.at_ns)
        return cls(report=report, last=line, caller=line.caller, without_groups=without_groups)

    @property
    def has_kill(self) -> bool:
        """
        Whether a kill line came.
        """
        return bool(self.victims)

    @property
    def has_content(self) -> bool:
        """
        Whether there is more than the beginning of a report.
        """
        report = self.report
        outcome = self.victims or self.summary or report.no_killable or report.panic
        named = (report.chosen_pid, report.chosen_comm, report.task_memcg, report.oom_memcg)
        return bool(outcome) or any(value is not None for value in named)

    @property
    def has_beginning(self) -> bool:
        """Whether there is the head of a report, or figures of a cgroup that is named."""
        figures = self.figures
        return self.report.gfp_mask is not None or (any(figures.stats) and bool(figures.usages or figures.tasks))

    def add_head(self, fact: Invoked, line: KernelLine, *, sysrq: bool, suppressed: int) -> None:
        """
        Add the first line.

        Args:
            fact: what the line says.
            line: the line.
            sysrq: a person asked for an OOM kill just before.
            suppressed: how many reports the kernel dropped before this one.
        """
        self.report = replace(
            self.report,
            trigger_comm=fact.comm,
            gfp_mask=fact.gfp_mask,
            order=fact.order,
            # Order -1 means sysrq-f (is_sysrq_oom in mm/oom_kill.c).
            sysrq=fact.order == -1 or sysrq,
            suppressed=suppressed,
        )
        self._add_line(line)

    def add_step(self, fact: Step, line: KernelLine) -> None:
        """
        Add a line that a report has at most once.
        """
        match fact:
            case Summary():
                self._add_summary(fact, line)
            case Chosen():
                self.report = replace(self.report, message=fact.message, chosen_pid=fact.pid, chosen_comm=fact.comm)
            case MemcgLimit():
                self.report = replace(self.report, task_memcg=fact.task_memcg, oom_memcg=fact.oom_memcg)
            case NoKillable():
                self.report = replace(self.report, no_killable=True)
            case Panic():
                self.report = replace(self.report, panic=True)
            case _:
                assert_never(fact)
        self._add_line(line, end=isinstance(fact, NoKillable | Panic))

    def add_detail(self, fact: Detail, line: KernelLine) -> None:
        """
        Add a line that means something only inside a report.
        """
        match fact:
            case TriggerProcess():
                self.report = replace(self.report, trigger_pid=fact.pid)
            case TriggerCpuset():
                self.trigger_cpuset = fact.cpuset
            case Usage() | MemcgStats() | TaskTitle() | TaskHeader():
                self.figures.add(fact)
                self.without_groups = self.without_groups or shows_cgroup_v1(fact)
            case AlreadyExiting():
                pids = (*self.report.already_exiting, fact.pid)[:VICTIMS_AT_MOST]
                self.report = replace(self.report, already_exiting=pids)
            case _:
                assert_never(fact)
        self._add_line(line, proof=False)

    def add_continuation(self, text: str) -> None:
        """
        Add a line that only its header explains: a row of the task table or values of the statistics.
        """
        self.figures.add_continuation(text)

    def add_kill(self, fact: Killed, line: KernelLine) -> None:
        """
        Add a kill line; the kernel prints that of the first victim of a group twice.
        """
        if not self.has_kill and self.summary is not None and self.summary.pid != fact.pid:
            self.assumed_thread = fact.pid
        message = fact.message or self.report.message
        self.report = replace(self.report, message=message, beancounter=fact.beancounter)
        if fact.oom_memcg is not None or fact.task_memcg is not None:
            self.add_cgroups(fact.oom_memcg, fact.task_memcg)
        self.victims.setdefault(fact.pid, victim_of_kill(fact, line))
        self._add_line(line, end=True)

    def add_cgroups(self, oom_memcg: str | None, task_memcg: str | None) -> None:
        """
        Add cgroups that stand behind or below a line; those that the report has already stay.
        """
        self.report = replace(
            self.report,
            oom_memcg=self.report.oom_memcg or oom_memcg,
            task_memcg=self.report.task_memcg or task_memcg,
        )

    def add_group(self, path: str, line: KernelLine) -> None:
        """
        Add the line that the kernel kills all processes of a cgroup: the victim's own, or one above it.
        """
        self.group_path = path
        self.report = replace(self.report, group=True, task_memcg=self.report.task_memcg or path)
        self._add_line(line, end=True)

    def begin_pieces(self, line: KernelLine) -> None:
        """
        Remember the beginning of a line whose next piece may come.
        """
        self.unfinished = line

    def drop_pieces(self) -> None:
        """
        Drop the beginning of a line, because more of it is known now.
        """
        self.evidence = [line for line in self.evidence if line is not self.unfinished]
        self.unfinished = None

    def mark_mixed(self) -> None:
        """
        Mark the cgroups of the report as uncertain: they may be those of another report.
        """
        self.report = replace(self.report, mixed=True)

    def move_last_kill_to(self, other: "Draft") -> None:
        """
        Move the last kill to the report of the next group, because it was not a member of this group.
        """
        pid = next(reversed(self.victims), None)
        if self.group_path is not None and pid is not None and len(self.victims) > 1:
            other.victims[pid] = self.victims.pop(pid)
            other.evidence.append(self.evidence.pop())

    def move_assumed_thread_to(self, other: "Draft") -> None:
        """
        Move the kill of an assumed thread to a report of its own, because the kill that the summary announced has come.
        """
        if self.assumed_thread is not None:
            other.victims[self.assumed_thread] = self.victims.pop(self.assumed_thread)
            other.evidence.append(self.evidence.pop())
            other.ended_us, self.assumed_thread = self.ended_us, None

    def finished(self) -> OomReport:
        """
        Return the report as it stands.
        """
        figures = self.figures
        victims = tuple(map(figures.named, self.victims.values())) or self._summary_victims()
        containers = [path for path in figures.stats if container_of(path) is not None]
        report = replace(
            self.report,
            mixed=self.report.mixed or not is_nested(self.report.oom_memcg, self.report.task_memcg),
            evidence=tuple(self.evidence),
            victims=victims,
            tasks=tuple(figures.tasks),
            tasks_dropped=figures.tasks_dropped,
            memory=figures.usages.get("memory"),
            memory_swap=figures.usages.get("memory+swap"),
            swap=figures.usages.get("swap"),
            kmem=figures.usages.get("kmem"),
            memcg_stats=dict(figures.stats),
            victim_cgroup_hint=containers[0] if len(containers) == 1 else None,
            limit_cgroup_hint=next((path for path in figures.stats if path), None),
            page_size_bytes=figures.page_size_bytes(victims),
            last_us=self.last.monotonic_us,
            last_at_ns=self.last.at_ns,
        )
        return replace(report, tasks_complete=figures.lists_all_of(report))

    def _summary_victims(self) -> tuple[OomVictim, ...]:
        """
        Return the victim of the summary, unless a line says that it was not killed.
        """
        if self.summary is None or self.summary.pid in self.report.already_exiting:
            return ()
        return (self.summary,)

    def _add_summary(self, fact: Summary, line: KernelLine) -> None:
        """
        Add the summary; its victim counts until a kill line comes.
        """
        self.report = replace(
            self.report,
            constraint=fact.constraint,
            nodemask=fact.nodemask,
            cpuset=fact.cpuset,
            mems_allowed=fact.mems_allowed,
            oom_memcg=fact.oom_memcg,
            task_memcg=fact.task_memcg,
            chosen_pid=fact.pid,
            chosen_comm=fact.comm,
        )
        self.summary = victim_of_summary(fact, line)

    def _add_line(self, line: KernelLine, *, proof: bool = True, end: bool = False) -> None:
        """
        Add a line to the report's time, and if it is a proof to the evidence.

        Args:
            line: the line.
            proof: the line carries a part of the proof.
            end: the line may be the last of the report.
        """
        if proof:
            self.evidence.append(line)
        self.last = line
        if end:
            self.ended_us = line.monotonic_us


def shows_cgroup_v1(fact: Detail) -> bool:
    """
    Return whether a line shows that this boot manages memory with cgroup v1, which has no memory.oom.group.

    Only v1 counts memory and swap together (mem_cgroup_print_oom_meminfo in mm/memcontrol.c).
    """
    return isinstance(fact, Usage) and fact.kind == "memory+swap"

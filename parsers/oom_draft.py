"""
An OOM report that is still being printed: it takes facts one by one and says when it is over.

Everything it keeps is bounded, since the processes of a machine can fill a report at will.
"""

from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from parsers.cgroup_path import container_of
from parsers.oom_facts import KernelLine, OomMessage, OomReport, OomVictim
from parsers.oom_figures import Figures
from parsers.oom_line import MemcgLimit, NoKillable, Panic, TriggerCpuset, TriggerProcess
from parsers.oom_summary import Summary
from parsers.oom_table import MemcgStats, TaskHeader, Usage
from parsers.oom_victim import AlreadyExiting, Chosen, Killed

# A line that a report has once at most, and a line that means something only inside a report.
Step = Summary | Chosen | MemcgLimit | NoKillable | Panic
Detail = TriggerProcess | TriggerCpuset | Usage | MemcgStats | TaskHeader | AlreadyExiting

SETTLE_US: Final = 5_000
GROUP_SETTLE_US: Final = 250_000
GIVE_UP_US: Final = 10_000_000

_VICTIMS_AT_MOST: Final = 4096
_MEMCG: Final = "CONSTRAINT_MEMCG"


@dataclass(slots=True)
class Draft:
    """
    A report that is open.

    Attributes:
        report: what is known so far, without the parts below.
        caller: who prints it, where the kernel tells.
        trigger_cpuset: the name of the trigger's cpuset; a container's has its id.
        alone: this boot has no groups that are killed as a whole: nothing follows a kill.
        figures: usages, statistics and the task table.
        summary: the victim that the summary names.
        guessed: a victim that the summary does not name, taken for a thread of the one it names.
        group_path: the cgroup that is killed as a whole.
        unfinished: a line that the kernel printed in pieces, as far as it is known.
        ended_us: when the last line came that may be the last of a report.
    """

    report: OomReport
    caller: str | None
    trigger_cpuset: str | None = None
    alone: bool = False
    evidence: list[KernelLine] = field(default_factory=list)
    victims: dict[int, OomVictim] = field(default_factory=dict)
    figures: Figures = field(default_factory=Figures)
    summary: OomVictim | None = None
    guessed: int | None = None
    group_path: str | None = None
    unfinished: KernelLine | None = None
    ended_us: int | None = None

    @property
    def killed(self) -> bool:
        """
        Whether a kill was seen.
        """
        return bool(self.victims)

    @property
    def over_at_us(self) -> int | None:
        """
        When nothing more is expected, on the kernel's clock; None where the lines have no time.
        """
        if self.ended_us is not None:
            return self.ended_us + self._settle_us
        return self.report.first_us + GIVE_UP_US if self.report.first_us is not None else None

    @property
    def _settle_us(self) -> int:
        """
        How long more may follow.
        """
        if self.report.group:
            return GROUP_SETTLE_US
        return 0 if self.alone and self.guessed is None else SETTLE_US

    def is_over(self, now_us: int) -> bool:
        """
        Whether that moment has come.
        """
        return self.over_at_us is not None and now_us >= self.over_at_us

    @property
    def tells(self) -> bool:
        """
        Whether there is more than the beginning of a report.
        """
        report = self.report
        outcome = self.victims or self.summary or report.no_killable or report.panic
        return bool(outcome) or (report.chosen_pid, report.task_memcg, report.oom_memcg) != (None, None, None)

    def announces(self, pid: int) -> bool:
        """
        Whether the report named this process as its victim, and it was not killed yet.
        """
        open_still = not self.killed or (self.guessed is not None and len(self.victims) == 1)
        return open_still and self.report.chosen_pid == pid

    def admits(self, kill: Killed) -> bool:
        """
        Whether a kill that the report did not announce may be of it: a child for its parent, or a member.
        """
        if self.killed:
            open_group = self.report.group and len(self.victims) < _VICTIMS_AT_MOST
            return open_group and not self._contradicts(kill.message) and self._may_be_member(kill.pid)
        return self.summary is None and not self._contradicts(kill.message)

    def may_have_meant(self, kill: Killed, line: KernelLine) -> bool:
        """
        Whether a kill right after the summary may be of its victim, by another thread: where the first one has exited,
        the summary names that, and the kill line one that lives.
        """
        meant = self.summary
        if self.killed or meant is None or meant.pid in self.report.already_exiting or self._contradicts(kill.message):
            return False
        at_once = None in (line.monotonic_us, meant.monotonic_us) or (
            (line.monotonic_us or 0) - (meant.monotonic_us or 0) <= SETTLE_US
        )
        return at_once and kill.uid in (None, meant.uid)

    def is_by(self, fact: TriggerProcess) -> bool:
        """
        Whether a process is the trigger: the head of the report has its name, and nothing its pid yet.
        """
        unknown = self.report.trigger_comm is None
        return self.report.trigger_pid is None and (unknown or fact.named(self.report.trigger_comm or ""))

    def ran_in(self, path: str) -> bool:
        """
        Whether the trigger's cpuset is named as a part of this path.
        """
        return self.trigger_cpuset is not None and self.trigger_cpuset in path.split("/")

    def covers(self, path: str) -> bool:
        """
        Whether statistics of this cgroup belong to a report of the cgroup that hit its limit.
        """
        limited = self.report.oom_memcg
        return limited is not None and _is_within(path, limited)

    def has(self, fact: Step) -> bool:
        """
        Whether the report is past this line, which it has once at most: a second one is of another report.
        """
        report = self.report
        decided = self.summary is not None or report.chosen_pid is not None
        match fact:
            case Summary() | Chosen():
                return decided
            case MemcgLimit():
                return decided or report.oom_memcg is not None
            case NoKillable():
                return report.no_killable
            case Panic():
                return report.panic
            case _:
                assert_never(fact)

    def take_step(self, fact: Step, line: KernelLine) -> None:
        """
        Add a line of proof.
        """
        match fact:
            case Summary():
                self._take_summary(fact, line)
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
        self.note(line, end=isinstance(fact, NoKillable | Panic))

    def take_detail(self, fact: Detail, line: KernelLine) -> None:
        """
        Add a detail.
        """
        match fact:
            case TriggerProcess():
                self.report = replace(self.report, trigger_pid=fact.pid)
            case TriggerCpuset():
                self.trigger_cpuset = fact.cpuset
            case Usage() | MemcgStats() | TaskHeader():
                self.figures.take(fact)
                self.alone = self.alone or is_of_cgroup_v1(fact)
            case AlreadyExiting():
                self.report = replace(
                    self.report, already_exiting=(*self.report.already_exiting, fact.pid)[:_VICTIMS_AT_MOST]
                )
            case _:
                assert_never(fact)
        self.note(line, proof=False)

    def take_kill(self, fact: Killed, line: KernelLine) -> None:
        """
        A kill; the first victim of a group is printed twice.
        """
        if not self.killed and self.summary is not None and self.summary.pid != fact.pid:
            self.guessed = fact.pid
        self.report = replace(self.report, message=fact.message or self.report.message)
        self.victims.setdefault(fact.pid, _victim(fact, line))
        self.note(line, end=True)

    def take_group(self, path: str, line: KernelLine) -> None:
        """
        All processes of a cgroup are killed; it is the victim's or one above.
        """
        self.group_path = path
        self.report = replace(self.report, group=True, task_memcg=self.report.task_memcg or path)
        self.note(line, end=True)

    def note(self, line: KernelLine, *, proof: bool = True, end: bool = False) -> None:
        """
        Remember a line.

        Args:
            line: the line.
            proof: it carries a part of the proof.
            end: it may be the last of the report.
        """
        if proof:
            self.evidence.append(line)
        self.report = replace(self.report, last_us=line.monotonic_us, last_at_ns=line.at_ns)
        if end:
            self.ended_us = line.monotonic_us

    def forget_unfinished(self) -> None:
        """
        Drop the beginning of a line of which more is known now.
        """
        self.evidence = [line for line in self.evidence if line is not self.unfinished]
        self.unfinished = None

    def may_be_group(self, path: str) -> bool:
        """
        Whether this cgroup may be the one that the first victim belongs to.
        """
        if self.group_path is not None:
            return self.group_path == path
        return self.report.task_memcg is None or _is_within(self.report.task_memcg, path)

    def hand_over_last_kill(self, other: "Draft") -> None:
        """
        Move the last kill, taken for a member of this group, to the report of the next group.
        """
        pid = next(reversed(self.victims), None)
        if self.group_path is not None and pid is not None and len(self.victims) > 1:
            other.victims[pid] = self.victims.pop(pid)
            other.evidence.append(self.evidence.pop())

    def hand_over_guess(self, other: "Draft") -> None:
        """
        Move a kill that was taken for this report's to one of its own, since the announced one has come.
        """
        if self.guessed is not None:
            other.victims[self.guessed] = self.victims.pop(self.guessed)
            other.evidence.append(self.evidence.pop())
            other.ended_us, self.guessed = self.ended_us, None

    def finished(self) -> OomReport:
        """
        The report as it stands.
        """
        victims = tuple(self.victims.values()) or self._meant()
        figures = self.figures
        containers = [path for path in figures.stats if container_of(path) is not None]
        return replace(
            self.report,
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
            page_size_bytes=figures.page_size_bytes(victims),
        )

    def _meant(self) -> tuple[OomVictim, ...]:
        """
        The victim of the summary, where no line tells of a kill, nor that there was none.
        """
        skipped = self.summary is None or self.summary.pid in self.report.already_exiting
        return () if skipped or self.summary is None else (self.summary,)

    def _take_summary(self, fact: Summary, line: KernelLine) -> None:
        """
        The victim of a summary counts as long as no kill line comes.
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
        if fact.pid is not None:
            self.summary = OomVictim(
                pid=fact.pid,
                comm=fact.comm or "",
                confirmed=False,
                uid=fact.uid,
                monotonic_us=line.monotonic_us,
                at_ns=line.at_ns,
                text=line.text,
            )

    def _contradicts(self, message: OomMessage | None) -> bool:
        """
        Whether a kill speaks of the host's memory and the report of a cgroup's, or the other way round.
        """
        is_global = self.report.is_global
        return message is not None and is_global is not None and is_global == (message is OomMessage.MEMCG)

    def _may_be_member(self, pid: int) -> bool:
        """
        The table of a cgroup's OOM lists all processes that a group kill may meet.
        """
        figures = self.figures
        whole_table = self.report.constraint == _MEMCG and figures.tasks and not figures.tasks_dropped
        return not whole_table or figures.lists(pid)


def is_of_cgroup_v1(fact: Detail) -> bool:
    """
    Whether a line shows that the memory of this boot is in cgroup v1, which has no memory.oom.group: only there are
    memory and swap counted together (mm/memcontrol.c, mem_cgroup_print_oom_meminfo).
    """
    return isinstance(fact, Usage) and fact.kind == "memory+swap"


def _is_within(path: str, above: str) -> bool:
    return path == above or path.startswith(above.rstrip("/") + "/")


def _victim(fact: Killed, line: KernelLine) -> OomVictim:
    return OomVictim(
        pid=fact.pid,
        comm=fact.comm,
        confirmed=True,
        uid=fact.uid,
        total_vm_bytes=fact.sizes.get("total-vm"),
        anon_rss_bytes=fact.sizes.get("anon-rss"),
        file_rss_bytes=fact.sizes.get("file-rss"),
        shmem_rss_bytes=fact.sizes.get("shmem-rss"),
        pgtables_bytes=fact.sizes.get("pgtables"),
        oom_score_adj=fact.oom_score_adj,
        monotonic_us=line.monotonic_us,
        at_ns=line.at_ns,
        text=line.text,
    )

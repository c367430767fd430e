"""
Facts about kernel OOM kills: what a line says, and what a whole report says.

The names are the kernel's own (mm/oom_kill.c, mm/memcontrol.c). Sizes are bytes, whatever unit the line used.
`None` means that the text did not say. Nothing here knows containers or time zones.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class OomMessage(StrEnum):
    """
    The words before `Killed process`: they tell whose memory ran out even where the report was dropped.

    `MEMPOLICY` and `CPUSET` are of 2.6 only.
    """

    MEMCG = "Memory cgroup out of memory"
    GLOBAL = "Out of memory"
    ALLOCATING_TASK = "Out of memory (oom_kill_allocating_task)"
    MEMPOLICY = "No available memory (MPOL_BIND)"
    CPUSET = "No available memory in cpuset"


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelLine:
    """
    One message of the kernel log, prefix stripped and escapes resolved.

    Attributes:
        text: the message; bytes that are not UTF-8 are kept as surrogates.
        monotonic_us: microseconds since boot on the kernel's log clock.
        boot_id: 32 hex digits, no dashes.
        at_ns: the same moment on the wall clock, nanoseconds since 1970, where the reader could tell.
        seq: number of the record in /dev/kmsg.
        caller: `T<tid>` or `C<cpu>` where the kernel was built with CONFIG_PRINTK_CALLER.
        fragment: this record continues the line of an earlier one (flag `c`).
    """

    text: str
    monotonic_us: int | None = None
    boot_id: str | None = None
    at_ns: int | None = None
    seq: int | None = None
    caller: str | None = None
    fragment: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUsage:
    """
    One `memory: usage …kB, limit …kB, failcnt …` line; `limit_bytes` is None when there is no limit.
    """

    usage_bytes: int
    limit_bytes: int | None
    failcnt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """
    One row of the task table. `rss_pages` and `total_vm_pages` are in pages of the machine.
    """

    pid: int
    tgid: int
    uid: int
    comm: str
    total_vm_pages: int
    rss_pages: int
    oom_score_adj: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OomVictim:
    """
    One process that was killed, by its `Killed process` line, or by the summary where that is all there is.

    Attributes:
        confirmed: a `Killed process` line was seen, not only the summary.
        text: the line that proves it.
    """

    pid: int
    comm: str
    confirmed: bool
    uid: int | None = None
    total_vm_bytes: int | None = None
    anon_rss_bytes: int | None = None
    file_rss_bytes: int | None = None
    shmem_rss_bytes: int | None = None
    pgtables_bytes: int | None = None
    oom_score_adj: int | None = None
    monotonic_us: int | None = None
    at_ns: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OomReport:
    """
    Everything the kernel printed about one OOM: the whole dump, or the kill line alone.

    Attributes:
        message: the words before `Killed process`, before 5.1 those before `Kill process`.
        constraint: the kernel's word (`CONSTRAINT_MEMCG`, …); a free string, future kernels add words.
        oom_memcg: path of the cgroup whose limit was hit.
        task_memcg: path of the victim's cgroup.
        trigger_pid: who asked for the memory; often not the victim.
        chosen_pid: the task of the summary, or of `Kill process … or sacrifice child` (before 5.1); the victim may be
            another.
        memcg_stats: memory statistics in bytes, keys as printed, by the path they were printed for.
        tasks: the table as printed, up to a bound; `tasks_dropped` counts the rows beyond it.
        victims: distinct pids in the order of their death; empty when the text ends before a kill.
        group: memory.oom.group: all processes of the cgroup were killed.
        already_exiting: pids that the kernel skipped.
        no_killable: the kernel found nobody to kill.
        panic: the kernel stopped for want of memory.
        sysrq: asked for by a person (sysrq-f).
        mixed: its cgroups may be those of another report, printed at the same time (before 4.2 by several CPUs).
        suppressed: reports that the kernel's rate limit dropped before this one.
        victim_cgroup_hint: the only container that the statistics name; for reports whose task_memcg is None.
        page_size_bytes: of the machine, where the victim's row and its kill line tell it.
        evidence: the lines that carry the proof, in order: header, limit, chosen, summary, kill, group.
    """

    message: OomMessage | None = None
    constraint: str | None = None
    nodemask: str | None = None
    cpuset: str | None = None
    mems_allowed: str | None = None
    oom_memcg: str | None = None
    task_memcg: str | None = None
    trigger_pid: int | None = None
    trigger_comm: str | None = None
    gfp_mask: str | None = None
    order: int | None = None
    chosen_pid: int | None = None
    chosen_comm: str | None = None
    memory: MemoryUsage | None = None
    memory_swap: MemoryUsage | None = None
    swap: MemoryUsage | None = None
    kmem: MemoryUsage | None = None
    memcg_stats: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    tasks: tuple[TaskRow, ...] = ()
    tasks_dropped: int = 0
    victims: tuple[OomVictim, ...] = ()
    group: bool = False
    already_exiting: tuple[int, ...] = ()
    no_killable: bool = False
    panic: bool = False
    sysrq: bool = False
    mixed: bool = False
    suppressed: int = 0
    boot_id: str | None = None
    first_us: int | None = None
    last_us: int | None = None
    first_at_ns: int | None = None
    last_at_ns: int | None = None
    evidence: tuple[KernelLine, ...] = ()
    victim_cgroup_hint: str | None = None
    page_size_bytes: int | None = None

    def process_of(self, victim: OomVictim) -> int:
        """
        The pid of a victim's process: the summary's, where the kill line right after it names another thread.
        """
        alone = len(self.victims) == 1 and not self.group
        return self.chosen_pid if self.constraint is not None and self.chosen_pid and alone else victim.pid

    @property
    def is_global(self) -> bool | None:
        """
        Whether the host (or a cpuset, or a memory policy) ran out rather than a cgroup; None when the text
        does not say.
        """
        if self.constraint is not None:
            return self.constraint != "CONSTRAINT_MEMCG"
        if self.message is not None:
            return self.message is not OomMessage.MEMCG
        return False if self.oom_memcg is not None else None

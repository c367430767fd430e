"""
Define the facts about kernel OOM kills: what a line says, and what a whole report says.

The names are the kernel's own (mm/oom_kill.c, mm/memcontrol.c). Sizes are bytes, whatever unit the line used. `None`
means that the text does not say. Nothing here knows containers or time zones.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

# The words of the kernel (enum oom_constraint). Any other word is cut, or of a later kernel: it does not say whose
# memory ran out.
_CGROUP_CONSTRAINT: Final = "CONSTRAINT_MEMCG"
_HOST_CONSTRAINTS: Final = frozenset({"CONSTRAINT_NONE", "CONSTRAINT_CPUSET", "CONSTRAINT_MEMORY_POLICY"})
_PAGE_BYTES: Final = 4096
_NS_PER_US: Final = 1000


class LimitKind(StrEnum):
    """
    The limits of a cgroup that can be reached; cgroup v1 counts memory and swap together, and kernel memory.
    """

    MEMORY = "memory"
    MEMORY_SWAP = "memory+swap"
    KERNEL_MEMORY = "kmem"


class OomMessage(StrEnum):
    """
    The words before `Killed process`: they say whose memory ran out, even if the rest of the report was dropped.

    Only kernel 2.6 prints `MEMPOLICY` and `CPUSET`.
    """

    MEMCG = "Memory cgroup out of memory"
    GLOBAL = "Out of memory"
    ALLOCATING_TASK = "Out of memory (oom_kill_allocating_task)"
    MEMPOLICY = "No available memory (MPOL_BIND)"
    CPUSET = "No available memory in cpuset"


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelLine:
    """
    One message of the kernel log, without its prefix and escapes.

    Attributes:
        text: the message; bytes that are not UTF-8 are kept as surrogates.
        monotonic_us: microseconds since boot on the kernel's log clock.
        boot_id: 32 hex digits, no dashes.
        at_ns: the same time on the wall clock, nanoseconds since 1970, if the reader knew it.
        seq: number of the record in /dev/kmsg.
        caller: `T<tid>` or `C<cpu>`, if the kernel was built with CONFIG_PRINTK_CALLER.
        fragment: this record continues the line of an earlier one (flag `c`).
        lines_after: what the same caller printed right after it that only adds to a report, each line with its
            `monotonic_us`.
    """

    text: str
    monotonic_us: int | None = None
    boot_id: str | None = None
    at_ns: int | None = None
    seq: int | None = None
    caller: str | None = None
    fragment: bool = False
    lines_after: tuple[tuple[int | None, str], ...] = ()

    def later(self, monotonic_us: int | None, text: str) -> "KernelLine":
        """
        Return a line that the same caller printed after this one.
        """
        at_ns = self.at_ns
        if None not in (at_ns, monotonic_us, self.monotonic_us):
            at_ns = (at_ns or 0) + ((monotonic_us or 0) - (self.monotonic_us or 0)) * _NS_PER_US
        return KernelLine(text=text, monotonic_us=monotonic_us, boot_id=self.boot_id, at_ns=at_ns, caller=self.caller)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUsage:
    """
    One `memory: usage …kB, limit …kB, failcnt …` line; `limit_bytes` is None if there is no limit.
    """

    usage_bytes: int
    limit_bytes: int | None
    failcnt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """
    One row of the task table. `rss_pages` and `total_vm_pages` count pages of the host's page size.
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
    One killed process, by its `Killed process` line, or by the summary if there is no such line.

    Attributes:
        confirmed: there was a `Killed process` line, not only the summary.
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
    Everything that the kernel printed about one OOM: the whole report, or only the kill line.

    Attributes:
        message: the words before `Killed process`, before 5.1 those before `Kill process`.
        constraint: the kernel's word (`CONSTRAINT_MEMCG`, …); a free string, future kernels add words, texts cut it.
        oom_memcg: path of the cgroup whose limit was hit.
        task_memcg: path of the victim's cgroup.
        trigger_pid: the process whose allocation started the OOM killer; often not the victim.
        chosen_pid: the task of the summary, or of `Kill process … or sacrifice child` (before 5.1); the killed process
            may be another one.
        memcg_stats: memory statistics in bytes by cgroup path; the keys are those of the kernel.
        tasks: the table as printed, up to a bound; `tasks_dropped` counts the rows beyond it.
        tasks_complete: the table lists all processes that the kernel chose from. False for a table that may have been
            cut or filtered: then a process without a row may have been there.
        victims: the killed processes, each once, in the order of the lines; empty if the text ends before a kill.
        group: memory.oom.group: all processes of the cgroup were killed.
        already_exiting: pids that the kernel skipped.
        no_killable: the kernel found no process to kill.
        panic: the kernel stopped because it had no memory left.
        sysrq: a person requested the kill (sysrq-f).
        mixed: the cgroups may be those of another report that another CPU printed at the same time (before 4.2).
        suppressed: reports that the kernel's rate limit dropped before this one.
        victim_cgroup_hint: the only container that the statistics name; useful if task_memcg is None.
        limit_cgroup_hint: the first cgroup that the statistics name; useful if oom_memcg is None.
        beancounter: the number of the container whose memory ran out, on kernels of OpenVZ.
        page_size_bytes: the host's page size, if the victim's row and its kill line show it.
        evidence: the lines that prove the kill, in order: head, limit, choice, summary, kill, group.
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
    tasks_complete: bool = False
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
    limit_cgroup_hint: str | None = None
    beancounter: int | None = None
    page_size_bytes: int | None = None

    def process_of(self, victim: OomVictim) -> int:
        """
        Return the pid of a victim's process, if the kill line names a thread of it.

        The summary names the process, and so does its row in the table; before 5.0 the kernel may name any thread.
        """
        alone = len(self.victims) == 1 and not self.group
        if self.constraint is not None and self.chosen_pid and alone:
            return self.chosen_pid
        if any(row.tgid == victim.pid for row in self.tasks):
            return victim.pid
        owners = {row.tgid for row in self.tasks if row.pid == victim.pid or self._is_same_size(row, victim)}
        return owners.pop() if len(owners) == 1 else victim.pid

    def _is_same_size(self, row: TaskRow, victim: OomVictim) -> bool:
        """
        Return whether a row has the name and the address space of a victim, whose threads all share it.
        """
        size_bytes = row.total_vm_pages * (self.page_size_bytes or _PAGE_BYTES)
        return size_bytes > 0 and row.comm == victim.comm and size_bytes == victim.total_vm_bytes

    @property
    def is_global(self) -> bool | None:
        """
        Whether the host (or a cpuset, or a memory policy) ran out of memory, not a cgroup; None if unknown.
        """
        if self.constraint == _CGROUP_CONSTRAINT:
            return False
        if self.constraint in _HOST_CONSTRAINTS:
            return True
        if self.constraint is not None and self.oom_memcg is not None:
            return False
        if self.message is not None:
            return self.message is not OomMessage.MEMCG
        return False if self.oom_memcg is not None or self.limit_reached is not None else None

    @property
    def limit_reached(self) -> tuple[LimitKind, MemoryUsage] | None:
        """
        The limit of the cgroup that was reached, or nearest to be; None if no limit was printed.
        """
        usages = (
            (LimitKind.MEMORY, self.memory),
            (LimitKind.MEMORY_SWAP, self.memory_swap),
            (LimitKind.KERNEL_MEMORY, self.kmem),
        )
        limited = [
            (usage.limit_bytes - usage.usage_bytes, (kind, usage))
            for kind, usage in usages
            if usage is not None and usage.limit_bytes
        ]
        return min(limited, key=lambda item: max(item[0], 0))[1] if limited else None

"""
Kernel notices that wait for their container, and the lines that add to them while they wait.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from collector.correlate.watermarks import Wait
from collector.facts.kernel import KernelFact
from collector.facts.observed import Origin
from parsers.kernel import KernelNotice, NoticeDetail, NoticeKind, Suppressed, TaskName, extended, lacks_detail

# The kernel prints what belongs together at once; a starved host takes its time.
_TOGETHER_NS: Final = 500_000_000


@dataclass(slots=True, kw_only=True)
class WaitingNotice(Wait):
    """
    A notice whose container is not certain, or that the next lines may add to.
    """

    id: str
    notice: KernelNotice
    fact: KernelFact
    origin: Origin | None

    @property
    def is_incomplete(self) -> bool:
        """
        Whether a line that belongs to it may follow: with the owner of a lock, or with registers.
        """
        lacks_owner = self.notice.kind is NoticeKind.HUNG_TASK and self.notice.owner is None
        return lacks_owner or lacks_detail(self.notice)


def add_owner(waiting: Sequence[WaitingNotice], fact: KernelFact, notice: KernelNotice) -> bool:
    """
    Add the owner of a lock to the line about the task that waits for it, which came just before.

    Returns:
        Whether there is such a line.
    """
    if notice.owner is None or notice.task is None:
        return False
    for before in waiting:
        if before.notice.kind is NoticeKind.HUNG_TASK and before.notice.task == notice.task:
            before.notice = replace(before.notice, owner=notice.owner)
            before.fact = replace(before.fact, owner=fact.owner)
            return True
    return False


def add_detail(waiting: Sequence[WaitingNotice], fact: KernelFact) -> bool:
    """
    Add what a line says to the latest notice that it can belong to.

    Returns:
        Whether there is such a notice.
    """
    if not isinstance(fact.detail, NoticeDetail):
        return False
    for before in reversed(waiting):
        more = extended(before.notice, fact.detail) if _are_near(before.fact, fact) else None
        if more is not None:
            before.notice = more
            return True
    return False


def is_same_task(one: TaskName | None, other: TaskName | None) -> bool:
    """
    Return whether two lines about the end of a process name the same number or, of its threads, the same name.
    """
    if one is None or other is None:
        return False
    return one.id == other.id is not None or one.comm == other.comm is not None


def with_core_dump(notice: KernelNotice, dump: KernelNotice, *, takes_cgroup: bool) -> KernelNotice:
    """
    Return the notice of a crash with what systemd-coredump says of it.

    Args:
        notice: the line of the kernel.
        dump: the report about the same process.
        takes_cgroup: use also the cgroup in the report. As a word of the kernel it would be certain.
    """
    return replace(
        notice,
        frames=dump.frames or notice.frames,
        signal=notice.signal if notice.signal is not None else dump.signal,
        exe=notice.exe or dump.exe,
        cgroup=notice.cgroup or (dump.cgroup if takes_cgroup else None),
    )


class SuppressedLines:
    """
    Counts of lines that were not printed, until the next line of their kind says which kind that was.
    """

    def __init__(self) -> None:
        self._latest: KernelFact | None = None

    def feed(self, fact: KernelFact) -> None:
        """
        Take a line; only one with a count matters.
        """
        if isinstance(fact.detail, Suppressed):
            self._latest = fact

    def added_to(self, notice: KernelNotice, fact: KernelFact) -> KernelNotice:
        """
        Return a notice with the count that was printed just before it.
        """
        latest, self._latest = self._latest, None
        if latest is None or not isinstance(latest.detail, Suppressed) or not _are_near(latest, fact):
            return notice
        return replace(notice, suppressed=latest.detail.count) if notice.kind in latest.detail.kinds else notice


def _are_near(one: KernelFact, other: KernelFact) -> bool:
    if one.clock_ns is None or other.clock_ns is None:
        return True
    return abs(one.clock_ns - other.clock_ns) <= _TOGETHER_NS

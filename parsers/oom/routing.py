"""
Choose the open report that a line belongs to.

Several reports may be open at once: before Linux 4.2 two CPUs may print at the same time, and a storm's reports follow
each other within milliseconds. Where the kernel prints the caller, the assembler separates them by it, and passes only
the drafts of one caller here. All drafts are in order, the one that was added to last first.
"""

from collections.abc import Sequence
from typing import Final, assert_never

from parsers.oom.draft import VICTIMS_AT_MOST, Detail, Draft, Step
from parsers.oom.facts import KernelLine, OomMessage
from parsers.oom.lifetime import AFTER_KILL_US
from parsers.oom.line import MemcgLimit, NoKillable, Panic, TriggerCpuset, TriggerProcess
from parsers.oom.summary import Summary
from parsers.oom.table import MemcgStats
from parsers.oom.victim import AlreadyExiting, Chosen, Killed

_MEMCG: Final = "CONSTRAINT_MEMCG"


def draft_of_kill(drafts: Sequence[Draft], kill: Killed, line: KernelLine) -> Draft | None:
    """
    Return the draft of a kill line; None if the kill stands alone.

    A draft that named the victim comes first, then one that accepts the kill, then a summary right before it.
    """
    named = (draft for draft in drafts if names_victim(draft, kill.pid))
    accepting = (draft for draft in drafts if _accepts_kill(draft, kill))
    by_thread = (draft for draft in drafts[:1] if _may_name_other_thread(draft, kill, line))
    return next(named, None) or next(accepting, None) or next(by_thread, None)


def draft_of_step(drafts: Sequence[Draft], fact: Step) -> Draft | None:
    """
    Return the draft that does not have a line yet; None if the line begins a report.

    A draft whose trigger is the named process comes first, then one whose table has it.
    """
    waiting = [draft for draft in drafts if not draft.has_kill and not _already_has(draft, fact)]
    if isinstance(fact, MemcgLimit) and len(waiting) > 1:
        return _draft_of_limit(waiting, fact)
    pid = fact.pid if isinstance(fact, Summary | Chosen) else None
    triggered = (draft for draft in waiting if pid is not None and draft.report.trigger_pid == pid)
    listing = (draft for draft in waiting if pid is not None and draft.figures.has_process(pid))
    return next(triggered, None) or next(listing, None) or next(iter(waiting), None)


def draft_of_detail(drafts: Sequence[Draft], fact: Detail) -> Draft | None:
    """
    Return the draft of a line that means something only inside a report; None if no open report can have it.
    """
    if isinstance(fact, AlreadyExiting):
        return next(iter(drafts), None)
    waiting = [draft for draft in drafts if not draft.has_kill]
    if isinstance(fact, TriggerProcess):
        return next((draft for draft in waiting if _may_be_triggered_by(draft, fact)), None)
    if isinstance(fact, TriggerCpuset):
        named = [draft for draft in waiting if draft.report.trigger_comm == fact.comm and not draft.trigger_cpuset]
        return named[0] if len(named) == 1 else None
    if isinstance(fact, MemcgStats) and fact.path:
        covering = (draft for draft in waiting if _covers_cgroup(draft, fact.path))
        without_limit = (draft for draft in waiting if draft.report.oom_memcg is None)
        return next(covering, None) or next(without_limit, None)
    return next(iter(waiting), None)


def names_victim(draft: Draft, pid: int) -> bool:
    """
    Return whether a report named this process as its victim and the kill is still to come.
    """
    still_open = not draft.has_kill or (draft.assumed_thread is not None and len(draft.victims) == 1)
    return still_open and draft.report.chosen_pid == pid


def may_be_group(draft: Draft, path: str) -> bool:
    """
    Return whether a cgroup may be the one that the first victim belongs to.
    """
    if draft.group_path is not None:
        return draft.group_path == path
    return draft.report.task_memcg is None or _is_within(draft.report.task_memcg, path)


def _accepts_kill(draft: Draft, kill: Killed) -> bool:
    """
    Return whether a report may have a kill that it did not announce: a child instead of its parent, or a group member.
    """
    if draft.has_kill:
        open_group = draft.report.group and len(draft.victims) < VICTIMS_AT_MOST
        return open_group and not _contradicts(draft, kill.message) and _may_be_member(draft, kill.pid)
    return draft.summary is None and not _contradicts(draft, kill.message)


def _may_name_other_thread(draft: Draft, kill: Killed, line: KernelLine) -> bool:
    """
    Return whether a kill right after a summary may be of the summary's process, named by another thread.

    If the first thread of the victim has exited, the summary names that thread and the kill line one that lives.
    """
    meant = draft.summary
    if (
        draft.has_kill
        or meant is None
        or meant.pid in draft.report.already_exiting
        or _contradicts(draft, kill.message)
    ):
        return False
    at_once = None in (line.monotonic_us, meant.monotonic_us) or (
        (line.monotonic_us or 0) - (meant.monotonic_us or 0) <= AFTER_KILL_US
    )
    # Threads of a process have one user.
    return at_once and kill.uid in (None, meant.uid)


def _may_be_triggered_by(draft: Draft, fact: TriggerProcess) -> bool:
    """
    Return whether a process may be the trigger: its name fits, and the trigger's pid is not known yet.
    """
    comm = draft.report.trigger_comm
    return draft.report.trigger_pid is None and (comm is None or fact.has_name(comm))


def _covers_cgroup(draft: Draft, path: str) -> bool:
    """
    Return whether the statistics of a cgroup belong to the report, because it is at or below the one at its limit.
    """
    limited = draft.report.oom_memcg
    return limited is not None and _is_within(path, limited)


def _already_has(draft: Draft, fact: Step) -> bool:
    """
    Return whether the report is past a line that it has at most once; a second one is of another report.
    """
    report = draft.report
    decided = draft.summary is not None or report.chosen_pid is not None
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


def _draft_of_limit(waiting: Sequence[Draft], fact: MemcgLimit) -> Draft:
    """
    Return, of several reports without a limit, the one whose trigger ran in the cgroup; else any, marked as mixed.
    """
    own = [draft for draft in waiting if draft.trigger_cpuset in fact.task_memcg.split("/")]
    if len(own) == 1:
        return own[0]
    for draft in waiting:
        draft.mark_mixed()
    return waiting[0]


def _contradicts(draft: Draft, message: OomMessage | None) -> bool:
    """
    Return whether a kill line and the report disagree: one is about the host's memory, the other about a cgroup's.
    """
    is_global = draft.report.is_global
    return message is not None and is_global is not None and is_global == (message is OomMessage.MEMCG)


def _may_be_member(draft: Draft, pid: int) -> bool:
    """
    Return whether a group kill may meet a process: the complete table of a cgroup's OOM lists all that it may meet.
    """
    figures = draft.figures
    complete_table = draft.report.constraint == _MEMCG and figures.tasks and not figures.tasks_dropped
    return not complete_table or figures.has_process(pid)


def _is_within(path: str, above: str) -> bool:
    return path == above or path.startswith(above.rstrip("/") + "/")

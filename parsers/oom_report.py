"""
Lines of the kernel log to OOM reports: a state machine without clock or I/O.

A report has no end mark. It is closed when the kernel's clock has moved on by some milliseconds since its
kill, later where a whole cgroup is killed, or when the next report of the same printer begins. Where the
kernel tells the caller, reports of two CPUs are kept apart by it. Where not, a kill goes to the report that
announced its pid, else to a summary right before it, statistics go to the report of their cgroup, and all else to the
report added to last.
"""

from dataclasses import replace
from typing import Final, assert_never

from parsers.oom_draft import GIVE_UP_US, Detail, Draft, Step, is_of_cgroup_v1
from parsers.oom_facts import KernelLine, OomReport
from parsers.oom_line import (
    GroupKill,
    Invoked,
    MemcgLimit,
    NoKillable,
    OomLine,
    Panic,
    Suppressed,
    SysRq,
    TriggerCpuset,
    TriggerProcess,
    is_complete,
    parse_line,
)
from parsers.oom_summary import SUMMARY, Summary
from parsers.oom_table import MemcgStats, TaskHeader, Usage
from parsers.oom_victim import AlreadyExiting, Chosen, Killed

_OPEN_AT_MOST: Final = 64
_PIECES_LENGTH_AT_MOST: Final = 8192
# As the summary, a line that the kernel prints in pieces, so that another CPU may print in between.
_LIMIT: Final = "Task in /"
_LIMIT_GOES_ON: Final = ("killed as a result of limit of", "/")


class ReportAssembler:
    """
    Assembles the reports of one kernel log.
    """

    def __init__(self) -> None:
        self._open: list[Draft] = []  # the one that was added to last is at the end
        self._suppressed = 0
        self._sysrq: KernelLine | None = None
        self._cgroup_v1_boot_id: str | None = None

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
        return min((draft.report.first_us or 0 for draft in self._open), default=None)

    @property
    def closes_at_us(self) -> int | None:
        """
        When, on the kernel's clock, `tick` will close the next report by itself; None when none is open.
        """
        moments = [moment for draft in self._open if (moment := draft.over_at_us) is not None]
        return min(moments, default=None)

    def feed(self, line: KernelLine) -> list[OomReport]:
        """
        Take a line; gives the reports that it closes.
        """
        closed = self.tick(line.monotonic_us) if line.monotonic_us is not None else []
        fact = parse_line(line.text)
        if fact is None or line.fragment:
            line, fact = self._joined(line, fact)
        if fact is not None:
            closed += self._take(fact, line)
        elif (draft := next(iter(self._waiting(line)), None)) is not None:
            draft.figures.take_continuation(line.text)
        self._note_unfinished(line)
        return closed + self._close(self._open[:-_OPEN_AT_MOST])

    def tick(self, monotonic_us: int) -> list[OomReport]:
        """
        The kernel's clock has come to a moment; gives the reports that are over by then.
        """
        return self._close([draft for draft in self._open if draft.is_over(monotonic_us)])

    def flush(self) -> list[OomReport]:
        """
        The input is at its end; gives what is open, as it stands.
        """
        return self._close(list(self._open))

    def _take(self, fact: OomLine, line: KernelLine) -> list[OomReport]:
        match fact:
            case Invoked():
                return self._begin(fact, line)
            case Killed():
                return self._kill(fact, line)
            case Summary() | Chosen() | MemcgLimit() | NoKillable() | Panic():
                self._step(fact, line)
            case TriggerProcess() | TriggerCpuset() | Usage() | MemcgStats() | TaskHeader() | AlreadyExiting():
                self._detail(fact, line)
            case GroupKill():
                self._group(fact, line)
            case Suppressed():
                self._suppressed += fact.count
            case SysRq():
                self._sysrq = line
            case _:
                assert_never(fact)
        return []

    def _begin(self, fact: Invoked, line: KernelLine) -> list[OomReport]:
        closed = self._close_killed(line)
        draft = self._new(line)
        draft.report = replace(
            draft.report,
            trigger_comm=fact.comm,
            gfp_mask=fact.gfp_mask,
            order=fact.order,
            sysrq=fact.order == -1 or self._was_asked_for(line),
            suppressed=self._suppressed,
        )
        self._suppressed, self._sysrq = 0, None
        draft.note(line)
        return closed

    def _was_asked_for(self, line: KernelLine) -> bool:
        """
        Whether a person asked for an OOM just before; such a request may find nobody to kill.
        """
        if self._sysrq is None or self._sysrq.monotonic_us is None or line.monotonic_us is None:
            return self._sysrq is not None
        return line.monotonic_us - self._sysrq.monotonic_us < GIVE_UP_US

    def _kill(self, fact: Killed, line: KernelLine) -> list[OomReport]:
        """
        A kill goes to the report that announced it, else to one that may have meant it, else it stands alone.
        """
        same = self._same(line)
        draft = next((item for item in same if item.announces(fact.pid)), None)
        draft = draft or next((item for item in same if item.admits(fact)), None)
        draft = draft or next((item for item in same[:1] if item.may_have_meant(fact, line)), None)
        closed: list[OomReport] = []
        if draft is None:
            closed = self._close_killed(line)
            draft = self._new(line)
        elif draft.killed and draft.announces(fact.pid):
            draft.hand_over_guess(self._new(line))
        draft.take_kill(fact, line)
        self._move_to_end(draft)
        return closed

    def _group(self, fact: GroupKill, line: KernelLine) -> None:
        """
        The line follows the kill of the group's first member.
        """
        last = next((draft for draft in self._same(line) if draft.killed), None)
        draft = last if last is not None and last.may_be_group(fact.path) else self._new(line)
        if last is not None and draft is not last:
            last.hand_over_last_kill(draft)
        draft.take_group(fact.path, line)
        self._move_to_end(draft)

    def _step(self, fact: Step, line: KernelLine) -> None:
        draft = self._draft_of_step(fact, line)
        draft.take_step(fact, line)
        self._move_to_end(draft)

    def _detail(self, fact: Detail, line: KernelLine) -> None:
        if is_of_cgroup_v1(fact):
            self._cgroup_v1_boot_id = line.boot_id
        draft = self._draft_of_detail(fact, line)
        if draft is not None:
            draft.take_detail(fact, line)
            self._move_to_end(draft)

    def _draft_of_step(self, fact: Step, line: KernelLine) -> Draft:
        """
        The report that lacks this line yet: rather one whose trigger is the process, or whose table has it; else one
        without a head.
        """
        waiting = [draft for draft in self._waiting(line) if not draft.has(fact)]
        if isinstance(fact, MemcgLimit) and len(waiting) > 1:
            return _limited(waiting, fact)
        pid = fact.pid if isinstance(fact, Summary | Chosen) else None
        own = (draft for draft in waiting if pid is not None and draft.report.trigger_pid == pid)
        listing = (draft for draft in waiting if pid is not None and draft.figures.lists(pid))
        return next(own, None) or next(listing, None) or next(iter(waiting), None) or self._new(line)

    def _draft_of_detail(self, fact: Detail, line: KernelLine) -> Draft | None:
        """
        The report that was added to last; statistics name their cgroup, so they may also begin a report.
        """
        if isinstance(fact, AlreadyExiting):
            return next(iter(self._same(line)), None)
        waiting = self._waiting(line)
        if isinstance(fact, TriggerProcess):
            return next((draft for draft in waiting if draft.is_by(fact)), None)
        if isinstance(fact, TriggerCpuset):
            named = [draft for draft in waiting if draft.report.trigger_comm == fact.comm and not draft.trigger_cpuset]
            return named[0] if len(named) == 1 else None
        if isinstance(fact, MemcgStats) and fact.path:
            covering = (draft for draft in waiting if draft.covers(fact.path))
            without_limit = (draft for draft in waiting if draft.report.oom_memcg is None)
            return next(covering, None) or next(without_limit, None) or self._new(line)
        return next(iter(waiting), None)

    def _joined(self, line: KernelLine, fact: OomLine | None) -> tuple[KernelLine, OomLine | None]:
        """
        A piece of a line, put to the pieces before it, and what they say together.
        """
        for draft in self._waiting(line):
            begun = draft.unfinished
            text = _continued(begun.text, line) if begun is not None else None
            if text is not None:
                draft.forget_unfinished()
                self._move_to_end(draft)
                return replace(line, text=text), parse_line(text)
        return line, fact

    def _note_unfinished(self, line: KernelLine) -> None:
        if line.text.startswith((SUMMARY, _LIMIT)) and not is_complete(line.text):
            draft = next(iter(self._waiting(line)), None) or self._new(line)
            draft.unfinished = line

    def _same(self, line: KernelLine) -> list[Draft]:
        """
        The open reports of the same printer and boot, the one that was added to last first.
        """
        of_line = (line.caller, line.boot_id)
        return [draft for draft in reversed(self._open) if (draft.caller, draft.report.boot_id) == of_line]

    def _waiting(self, line: KernelLine) -> list[Draft]:
        return [draft for draft in self._same(line) if not draft.killed]

    def _new(self, line: KernelLine) -> Draft:
        report = OomReport(
            boot_id=line.boot_id,
            first_us=line.monotonic_us,
            last_us=line.monotonic_us,
            first_at_ns=line.at_ns,
            last_at_ns=line.at_ns,
        )
        alone = line.boot_id is not None and line.boot_id == self._cgroup_v1_boot_id
        draft = Draft(report=report, caller=line.caller, alone=alone)
        self._open.append(draft)
        return draft

    def _move_to_end(self, draft: Draft) -> None:
        self._open.remove(draft)
        self._open.append(draft)

    def _close_killed(self, line: KernelLine) -> list[OomReport]:
        return self._close([draft for draft in self._same(line) if draft.killed])

    def _close(self, drafts: list[Draft]) -> list[OomReport]:
        for draft in drafts:
            self._open.remove(draft)
        return [draft.finished() for draft in drafts if draft.tells]


def _limited(waiting: list[Draft], fact: MemcgLimit) -> Draft:
    """
    Of several reports that lack their limit, the one whose trigger ran there; else any of them, and it is not sure.
    """
    own = [draft for draft in waiting if draft.ran_in(fact.task_memcg)]
    if len(own) == 1:
        return own[0]
    for draft in waiting:
        draft.report = replace(draft.report, mixed=True)
    return waiting[0]


def _continued(text: str, line: KernelLine) -> str | None:
    """
    The text with its next piece; None where the line is no piece of it.
    """
    if len(text) > _PIECES_LENGTH_AT_MOST:
        return None
    if text.startswith(SUMMARY):
        return text + line.text if line.fragment or line.text.startswith(",") else None
    goes_on = line.text.lstrip().startswith(_LIMIT_GOES_ON)
    return f"{text.rstrip()} {line.text.lstrip()}" if line.fragment or goes_on else None

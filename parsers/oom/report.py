"""
Assemble OOM reports from the lines of a kernel log: a state machine without a clock or I/O.

A report has no end mark. It is closed when the kernel's clock has moved on by some milliseconds since its kill (by more
if a whole cgroup is killed), or when the next report of the same caller begins. Lines that have only a date belong to
different reports if ten seconds or more lie between them.

Where the kernel prints the caller, it separates the reports of two CPUs. Elsewhere a kill goes to the report that named
its pid, or to a summary right before it; statistics go to the report of their cgroup; all other lines go to the report
that was added to last.
"""

from dataclasses import replace
from typing import Final, assert_never

from parsers.oom.draft import VICTIMS_AT_MOST, Detail, Draft, Step, shows_cgroup_v1
from parsers.oom.facts import KernelLine, OomReport
from parsers.oom.lifetime import GIVE_UP_US, closes_at_us, is_far_from, is_over_at
from parsers.oom.line import (
    CgroupBelow,
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
from parsers.oom.routing import draft_of_detail, draft_of_kill, draft_of_step, may_be_group, names_victim
from parsers.oom.summary import SUMMARY, Summary
from parsers.oom.table import MemcgStats, TaskHeader, TaskTitle, Usage, is_row_or_statistic
from parsers.oom.victim import AlreadyExiting, Chosen, Killed

# A bound on memory: a forged or damaged log could open reports without end.
_OPEN_AT_MOST: Final = 64
# A group of VICTIMS_AT_MOST has two lines for each. A forged report with more goes on in another one.
_EVIDENCE_AT_MOST: Final = 2 * VICTIMS_AT_MOST + 64
_PIECES_LENGTH_AT_MOST: Final = 8192
# Like the summary, the kernel prints this line in pieces, so that another CPU may print in between.
_LIMIT: Final = "Task in /"
_LIMIT_GOES_ON: Final = ("killed as a result of limit of", "/")


class ReportAssembler:
    """
    Assemble the reports of one kernel log.

    Args:
        with_beginnings: return also reports of which only the beginning is there, as in a text that was cut.
    """

    def __init__(self, *, with_beginnings: bool = False) -> None:
        self._with_beginnings = with_beginnings
        self._open: list[Draft] = []  # the one that was added to last is at the end
        self._suppressed = 0
        self._sysrq: KernelLine | None = None
        self._cgroup_v1_boot_id: str | None = None

    @property
    def is_open(self) -> bool:
        """
        Whether a report is open, so that every line matters.
        """
        return bool(self._open)

    @property
    def open_at_ns(self) -> list[int]:
        """
        When the first and the last line of each open report were printed, wall clock, as far as that is known.
        """
        stamps_ns = (stamp for draft in self._open for stamp in (draft.report.first_at_ns, draft.report.last_at_ns))
        return [stamp_ns for stamp_ns in stamps_ns if stamp_ns is not None]

    @property
    def closes_at_us(self) -> int | None:
        """
        When, on the kernel's clock, `tick` will close the next report; None when none is open.
        """
        moments = [moment for draft in self._open if (moment := closes_at_us(draft)) is not None]
        return min(moments, default=None)

    def feed(self, line: KernelLine) -> list[OomReport]:
        """
        Add a line and return the reports that it closes.
        """
        closed = self._close_before(line)
        fact = parse_line(line.text)
        if fact is None or line.fragment:
            line, fact = self._joined(line, fact)
        if fact is not None:
            closed += self._add(fact, line)
        elif (draft := next(iter(self._waiting(line)), None)) is not None:
            draft.add_continuation(line.text)
        self._remember_unfinished(line, fact)
        full = [draft for draft in self._open[-1:] if len(draft.evidence) > _EVIDENCE_AT_MOST]
        closed += self._close(self._open[:-_OPEN_AT_MOST]) + self._close(full)
        return closed + self._feed_lines_after(line) if line.lines_after else closed

    def tick(self, monotonic_us: int) -> list[OomReport]:
        """
        Return the reports that are over at a time of the kernel's clock.
        """
        return self._close([draft for draft in self._open if is_over_at(draft, monotonic_us)])

    def flush(self) -> list[OomReport]:
        """
        Close all open reports at the end of the input and return them as they stand.
        """
        return self._close(list(self._open))

    def _feed_lines_after(self, line: KernelLine) -> list[OomReport]:
        """
        Add the lines that came with a line; return the reports that they close.
        """
        closed: list[OomReport] = []
        draft = next(iter(self._waiting(line)), None)
        for monotonic_us, text in line.lines_after:
            if not is_row_or_statistic(text):
                closed += self.feed(line.later(monotonic_us, text))
                draft = next(iter(self._waiting(line)), None)
            elif draft is not None:
                draft.add_continuation(text)
        return closed

    def _close_before(self, line: KernelLine) -> list[OomReport]:
        """
        Close the reports that ended before a line, by the wall clock if the line has no other time.
        """
        if line.monotonic_us is not None:
            return self.tick(line.monotonic_us)
        return self._close([draft for draft in self._open if is_far_from(draft, line)])

    def _add(self, fact: OomLine, line: KernelLine) -> list[OomReport]:
        match fact:
            case Invoked():
                return self._begin(fact, line)
            case Killed():
                return self._add_kill(fact, line)
            case Summary() | Chosen() | MemcgLimit() | NoKillable() | Panic():
                self._add_step(fact, line)
            case (
                TriggerProcess()
                | TriggerCpuset()
                | Usage()
                | MemcgStats()
                | TaskTitle()
                | TaskHeader()
                | AlreadyExiting()
            ):
                self._add_detail(fact, line)
            case GroupKill():
                self._add_group(fact, line)
            case CgroupBelow():
                for draft in self._same(line)[:1]:
                    draft.add_cgroups(fact.oom_memcg, fact.task_memcg)
            case Suppressed():
                self._suppressed += fact.count
            case SysRq():
                self._sysrq = line
            case _:
                assert_never(fact)
        return []

    def _begin(self, fact: Invoked, line: KernelLine) -> list[OomReport]:
        closed = self._close_killed(line)
        sysrq = self._was_requested(line)
        self._new(line).add_head(fact, line, sysrq=sysrq, suppressed=self._suppressed)
        self._suppressed, self._sysrq = 0, None
        return closed

    def _was_requested(self, line: KernelLine) -> bool:
        """
        Return whether a person requested an OOM kill just before; an old request may have found nobody to kill.
        """
        if self._sysrq is None or self._sysrq.monotonic_us is None or line.monotonic_us is None:
            return self._sysrq is not None
        return line.monotonic_us - self._sysrq.monotonic_us < GIVE_UP_US

    def _add_kill(self, fact: Killed, line: KernelLine) -> list[OomReport]:
        draft = draft_of_kill(self._same(line), fact, line)
        closed: list[OomReport] = []
        if draft is None:
            closed = self._close_killed(line)
            draft = self._new(line)
        elif draft.has_kill and names_victim(draft, fact.pid):
            draft.move_assumed_thread_to(self._new(line))
        draft.add_kill(fact, line)
        self._move_to_end(draft)
        return closed

    def _add_group(self, fact: GroupKill, line: KernelLine) -> None:
        """
        Add the line that follows the kill of a group's first member.
        """
        last = next((draft for draft in self._same(line) if draft.has_kill), None)
        draft = last if last is not None and may_be_group(last, fact.path) else self._new(line)
        if last is not None and draft is not last:
            last.move_last_kill_to(draft)
        draft.add_group(fact.path, line)
        self._move_to_end(draft)

    def _add_step(self, fact: Step, line: KernelLine) -> None:
        draft = draft_of_step(self._same(line), fact) or self._new(line)
        draft.add_step(fact, line)
        self._move_to_end(draft)

    def _add_detail(self, fact: Detail, line: KernelLine) -> None:
        if shows_cgroup_v1(fact):
            self._cgroup_v1_boot_id = line.boot_id
        draft = draft_of_detail(self._same(line), fact)
        if draft is None and isinstance(fact, MemcgStats | Usage | TaskTitle | TaskHeader):
            # Only an OOM report has these, so they can begin a report whose head is missing.
            draft = self._new(line)
        if draft is not None:
            draft.add_detail(fact, line)
            self._move_to_end(draft)

    def _joined(self, line: KernelLine, fact: OomLine | None) -> tuple[KernelLine, OomLine | None]:
        """
        Join a piece of a line to the pieces before it; return the joined line and what it says.
        """
        for draft in self._waiting(line):
            begun = draft.unfinished
            text = _continued(begun.text, line) if begun is not None else None
            if text is not None:
                draft.drop_pieces()
                self._move_to_end(draft)
                return replace(line, text=text), parse_line(text)
        return line, fact

    def _remember_unfinished(self, line: KernelLine, fact: OomLine | None) -> None:
        if line.text.startswith((SUMMARY, _LIMIT)) and not is_complete(line.text, fact):
            draft = next(iter(self._waiting(line)), None) or self._new(line)
            draft.begin_pieces(line)

    def _same(self, line: KernelLine) -> list[Draft]:
        """
        Return the open reports of the same caller and boot, the one that was added to last first.
        """
        of_line = (line.caller, line.boot_id)
        return [draft for draft in reversed(self._open) if (draft.caller, draft.report.boot_id) == of_line]

    def _waiting(self, line: KernelLine) -> list[Draft]:
        return [draft for draft in self._same(line) if not draft.has_kill]

    def _new(self, line: KernelLine) -> Draft:
        without_groups = line.boot_id is not None and line.boot_id == self._cgroup_v1_boot_id
        draft = Draft.at(line, without_groups=without_groups)
        self._open.append(draft)
        return draft

    def _move_to_end(self, draft: Draft) -> None:
        self._open.remove(draft)
        self._open.append(draft)

    def _close_killed(self, line: KernelLine) -> list[OomReport]:
        return self._close([draft for draft in self._same(line) if draft.has_kill])

    def _close(self, drafts: list[Draft]) -> list[OomReport]:
        if not drafts:
            return []
        for draft in drafts:
            self._open.remove(draft)
        return [
            draft.finished() for draft in drafts if draft.has_content or (self._with_beginnings and draft.has_beginning)
        ]


def _continued(text: str, line: KernelLine) -> str | None:
    """
    Return the text with its next piece; None if the line does not continue it.
    """
    if len(text) > _PIECES_LENGTH_AT_MOST:
        return None
    if text.startswith(SUMMARY):
        return text + line.text if line.fragment or line.text.startswith(",") else None
    goes_on = line.text.lstrip().startswith(_LIMIT_GOES_ON)
    return f"{text.rstrip()} {line.text.lstrip()}" if line.fragment or goes_on else None

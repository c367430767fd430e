"""
Decide when an OOM report is over; it has no end mark.

The kernel's clock decides where the lines carry it. Reasons and measured values: docs/adr/0006-deadlines.md.
"""

from typing import Final

from parsers.oom.draft import Draft
from parsers.oom.facts import KernelLine

# On cgroup v2, the line that a whole cgroup is killed (memory.oom.group) comes up to 4.8 ms after the first kill.
AFTER_KILL_US: Final = 5_000
# The members of a group are killed one after the other.
AFTER_GROUP_KILL_US: Final = 250_000
# How long a report may stay without a kill.
GIVE_UP_US: Final = 10_000_000
# The same limit for texts that have dates only. The rounding of their seconds is well below it.
_WALL_GAP_NS: Final = GIVE_UP_US * 1000


def closes_at_us(draft: Draft) -> int | None:
    """
    Return when no more lines can follow, in microseconds on the kernel's clock; None if the lines lack that time.
    """
    if draft.ended_us is not None:
        return draft.ended_us + _more_may_follow_us(draft)
    return draft.report.first_us + GIVE_UP_US if draft.report.first_us is not None else None


def is_over_at(draft: Draft, monotonic_us: int) -> bool:
    """
    Return whether no more lines can follow at a time of the kernel's clock.
    """
    moment = closes_at_us(draft)
    return moment is not None and monotonic_us >= moment


def is_far_from(draft: Draft, line: KernelLine) -> bool:
    """
    Return whether the dates alone show that a line is not part of a report, because they are too far apart.
    """
    last_ns = draft.last.at_ns
    return None not in (last_ns, line.at_ns) and abs((line.at_ns or 0) - (last_ns or 0)) > _WALL_GAP_NS


def _more_may_follow_us(draft: Draft) -> int:
    if draft.report.group:
        return AFTER_GROUP_KILL_US
    return 0 if draft.without_groups and draft.assumed_thread is None else AFTER_KILL_US

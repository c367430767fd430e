"""
Find the container that took the memory, where the host or a cgroup above several containers ran out of it.

The kernel kills by size and oom_score_adj, so the victim is often not the one that took the memory. Two rules decide:
who clearly grew the most in the last minutes, else who clearly holds the most. A clear lead is twice the next one.
Where no rule finds a clear lead, nobody is named. Samples do not prove who took a page, so no culprit is certain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sinks.event import Confidence

# Of the memory that ran out: less growth than this explains nothing, and with this much a culprit is likely.
_MIN_GROWTH_PERCENT: Final = 5
_LARGE_GROWTH_PERCENT: Final = 25
_MIN_HELD_PERCENT: Final = 50
_CLEAR_LEAD: Final = 2


class CulpritBasis(StrEnum):
    """
    What a culprit is named by.
    """

    GROWTH = "growth"
    SIZE = "size"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """
    Who held memory when it ran out: a container, or everything outside of containers.

    Attributes:
        container_id: None for everything outside of containers.
        held_bytes: at least this much, by the working set and by the kernel's task table.
        grew_bytes: how much more that was than `within_s` before; None if nothing older is known.
        within_s: the time over which growth was measured, in seconds.
    """

    container_id: str | None
    held_bytes: int
    grew_bytes: int | None = None
    within_s: float | None = None

    @property
    def growth_at_most_bytes(self) -> int:
        """
        How much it may have grown: all that it holds, if nothing older is known.
        """
        return self.held_bytes if self.grew_bytes is None else max(0, self.grew_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Culprit:
    """
    The one that took the memory.

    Attributes:
        holder: a container, or everything outside of containers.
        basis: the rule that named it.
        confidence: likely or possible.
    """

    holder: Holder
    basis: CulpritBasis
    confidence: Confidence


def find_culprit(holders: Sequence[Holder], total_bytes: int, unexplained_bytes: int = 0) -> Culprit | None:
    """
    Return who took the memory; None if that is not clear. The order of the holders does not matter.

    Args:
        holders: all that are known, each container once.
        total_bytes: the memory that ran out: of the host, or the limit of the cgroup.
        unexplained_bytes: memory in use that no holder accounts for.
    """
    return _by_growth(holders, total_bytes, unexplained_bytes) or _by_size(holders, total_bytes, unexplained_bytes)


def _by_growth(holders: Sequence[Holder], total_bytes: int, unexplained_bytes: int) -> Culprit | None:
    """
    Match the only one that grew much.
    """
    lead = max(holders, key=lambda one: one.grew_bytes or 0, default=None)
    if lead is None or not lead.grew_bytes or 100 * lead.grew_bytes < _MIN_GROWTH_PERCENT * total_bytes:
        return None
    next_bytes = max((one.growth_at_most_bytes for one in holders if one is not lead), default=0)
    if lead.grew_bytes < _CLEAR_LEAD * next_bytes or lead.grew_bytes < unexplained_bytes:
        return None
    explained = lead.grew_bytes >= _CLEAR_LEAD * unexplained_bytes
    largest = all(lead.held_bytes >= one.held_bytes for one in holders)
    likely = explained and (largest or 100 * lead.grew_bytes >= _LARGE_GROWTH_PERCENT * total_bytes)
    return Culprit(
        holder=lead,
        basis=CulpritBasis.GROWTH,
        confidence=Confidence.LIKELY if likely else Confidence.POSSIBLE,
    )


def _by_size(holders: Sequence[Holder], total_bytes: int, unexplained_bytes: int) -> Culprit | None:
    """
    Match the only one that holds much, unless another one grew more.
    """
    lead = max(holders, key=lambda one: one.held_bytes, default=None)
    if lead is None or 100 * lead.held_bytes < _MIN_HELD_PERCENT * total_bytes:
        return None
    others = [one for one in holders if one is not lead]
    next_bytes = max((one.held_bytes for one in others), default=0)
    if lead.held_bytes < _CLEAR_LEAD * max(next_bytes, unexplained_bytes):
        return None
    other_growth_bytes = max((one.growth_at_most_bytes for one in others), default=0)
    if other_growth_bytes > lead.growth_at_most_bytes and 100 * other_growth_bytes > _MIN_GROWTH_PERCENT * total_bytes:
        return None
    return Culprit(holder=lead, basis=CulpritBasis.SIZE, confidence=Confidence.POSSIBLE)

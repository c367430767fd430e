"""
Holes in a kernel log: records that were overwritten before they could be read.

A hole is a reason, not an alarm: the other kernel log may have the records, and the counters show whether a kill is
missing. So a hole is published once the counters have been compared past it, with what they showed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from collector.correlate.findings import UnexplainedCount
from collector.correlate.watermarks import CAP_NS
from collector.facts.observed import GapFact, Origin
from sinks.event import GapKind, rfc3339

# Counters are compared some seconds after they are read, and that may wait for the logs until the cap.
_LATEST_NS: Final = 2 * CAP_NS
_KERNEL_LOGS: Final = frozenset({"kmsg", "journald"})
_COUNTERS: Final = "cgroups"


@dataclass(slots=True, kw_only=True)
class _Hole:
    """
    A hole that is not published yet.

    Attributes:
        counts: the kills that the counters showed at its time and that no log describes.
    """

    gap: GapFact
    latest_ns: int
    origin: Origin | None
    counts: list[UnexplainedCount] = field(default_factory=list)

    def contains(self, count: UnexplainedCount) -> bool:
        """
        Return whether the lines of counted kills can be what is missing here.
        """
        until_ns = self.gap.to_ns if self.gap.to_ns is not None else self.gap.at_ns
        return count.from_ns <= until_ns and (self.gap.from_ns is None or count.to_ns >= self.gap.from_ns)


class LogHoles:
    """
    The holes that wait for the counters. Without the counters' source nothing waits.
    """

    def __init__(self) -> None:
        self._holes: list[_Hole] = []
        self._counting = False

    def feed_gap(self, gap: GapFact, now_ns: int, origin: Origin | None) -> bool:
        """
        Take a gap; return whether it is a hole that is kept until the counters have been compared.
        """
        if gap.source == _COUNTERS and gap.what in (GapKind.SOURCE_UP, GapKind.SOURCE_DOWN):
            self._counting = gap.what is GapKind.SOURCE_UP
        if not self._counting or gap.source not in _KERNEL_LOGS or gap.what is not GapKind.RECORDS_LOST:
            return False
        self._holes.append(_Hole(gap=gap, latest_ns=now_ns + _LATEST_NS, origin=origin))
        return True

    def explain(self, count: UnexplainedCount) -> bool:
        """
        Return whether a hole accounts for kills that no log describes; they are then published with it.

        Every hole at that time states them, as any of them may have swallowed their lines.
        """
        holes = [hole for hole in self._holes if hole.contains(count)]
        for hole in holes:
            hole.counts.append(count)
        return bool(holes)

    def take(self, compared_until_ns: int, now_ns: int) -> Sequence[GapFact]:
        """
        Return the holes that the counters have been compared past, with what they showed.

        Args:
            compared_until_ns: every kill before it has been compared with the counters, wall clock.
            now_ns: the clock of `feed_gap`.
        """
        done = [
            hole
            for hole in self._holes
            if compared_until_ns > hole.gap.at_ns or now_ns >= hole.latest_ns or not self._counting
        ]
        self._holes = [hole for hole in self._holes if hole not in done]
        return [_with_counts(hole) for hole in done]

    def flush(self) -> Sequence[GapFact]:
        """
        End the input: return all holes, without the counters.
        """
        holes, self._holes = self._holes, []
        return [hole.gap for hole in holes]

    def next_deadline_ns(self) -> int | None:
        """
        Return when `take` should be called at the latest.
        """
        return min((hole.latest_ns for hole in self._holes), default=None)

    def held(self) -> Iterable[Origin]:
        """
        Return the readings that must be read again if the agent dies now.
        """
        return [hole.origin for hole in self._holes if hole.origin is not None]


def _with_counts(hole: _Hole) -> GapFact:
    kills = sum(count.count for count in hole.counts)
    if not kills:
        found = "no OOM kill is missing"
    else:
        counted = "1 OOM kill" if kills == 1 else f"{kills} OOM kills"
        from_ns, to_ns = min(count.from_ns for count in hole.counts), max(count.to_ns for count in hole.counts)
        found = f"between {rfc3339(from_ns)} and {rfc3339(to_ns)} the kernel counted {counted} that no log describes"
    return replace(hole.gap, text=f"{hole.gap.text.removesuffix('.')}; {found}.")

"""
Follows the events of all hubs in the order in which the cluster numbered them, each once.

A search may show an event before one with a lower number, which another hub was just storing: for some seconds a number
that is missing is asked for again. Most missing numbers never appear, as deletions have numbers too.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from collector.store import PastEvent
from fleet.opensearch.reading import Reading

_AT_ONCE: Final = 500
# Far longer than the engine takes between numbering an event and showing it.
_GAP_S: Final = 5.0
_MOST_GAPS: Final = 200


@dataclass(frozen=True, slots=True)
class _Gap:
    first: int
    last: int
    since_s: float


class Tail:
    """
    Reads on from one number.

    Args:
        reading: asks the cluster.
        after_seq: the number of the last event that is known.
        clock_s: a clock that never goes back.
    """

    def __init__(self, reading: Reading, after_seq: int, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._reading = reading
        self._last_seq = after_seq
        self._clock_s = clock_s
        self._gaps: list[_Gap] = []

    @property
    def complete_seq(self) -> int:
        """
        The number up to which no event is missing any more.
        """
        return self._gaps[0].first - 1 if self._gaps else self._last_seq

    async def read(self) -> Sequence[PastEvent]:
        """
        Return the next events; nothing if there are none yet.

        Raises:
            StoreUnavailableError: the cluster did not answer, or refused.
        """
        now_s = self._clock_s()
        self._gaps = [gap for gap in self._gaps if now_s - gap.since_s < _GAP_S][-_MOST_GAPS:]
        ranges = [{"range": {"_seq_no": {"gte": gap.first - 1, "lte": gap.last - 1}}} for gap in self._gaps]
        ranges.append({"range": {"_seq_no": {"gt": self._last_seq - 1}}})
        events = await self._reading.after({}, 0, _AT_ONCE, {"bool": {"should": ranges}})
        for event in events:
            self._take(event.seq, now_s)
        return events

    def _take(self, seq: int, now_s: float) -> None:
        if seq > self._last_seq:
            if seq > self._last_seq + 1:
                self._gaps.append(_Gap(self._last_seq + 1, seq - 1, now_s))
            self._last_seq = seq
            return
        kept: list[_Gap] = []
        for gap in self._gaps:
            if not gap.first <= seq <= gap.last:
                kept.append(gap)
                continue
            parts = ((gap.first, seq - 1), (seq + 1, gap.last))
            kept += [_Gap(first, last, gap.since_s) for first, last in parts if first <= last]
        self._gaps = kept

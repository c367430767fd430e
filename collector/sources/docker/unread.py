"""
What an engine answered and the source did not use, as one gap a minute: nothing is lost silently, and nothing floods.
"""

import time
from collections.abc import Callable
from typing import Final

from collector.facts.observed import GapFact
from sinks.event import GapKind

_EVERY_S: Final = 60.0


class UnreadAnswers:
    """
    Counts answers that were refused or left out.

    Args:
        wall_ns: the wall clock.
        monotonic_s: CLOCK_MONOTONIC.
    """

    def __init__(self, wall_ns: Callable[[], int], monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._wall_ns = wall_ns
        self._monotonic_s = monotonic_s
        self._count = 0
        self._why = ""
        self._next_s = 0.0

    def add(self, count: int, why: str) -> None:
        """
        Count answers that were not used.

        Args:
            count: how many; none if 0.
            why: the reason, a clause without a full stop.
        """
        if count:
            self._count += count
            self._why = why

    def gaps(self) -> list[GapFact]:
        """
        Return the gap since the last one, if there is one and it is time.
        """
        now_s = self._monotonic_s()
        if not self._count or now_s < self._next_s:
            return []
        count, self._count, self._next_s = self._count, 0, now_s + _EVERY_S
        records = "1 record of Docker was" if count == 1 else f"{count} records of Docker were"
        text = f"{records} not read. The last reason: {self._why}."
        return [GapFact(source="docker", what=GapKind.RECORDS_LOST, at_ns=self._wall_ns(), text=text, count=count)]

"""
What sources have read and nobody has fed to the correlator yet.

Each source has room of its own, so that what happens now does not wait while an old log is read. It is bounded in
facts, since a reading of a log holds hundreds, and in readings, since one may hold none. Who hands over waits while
there is no room; what it has not read yet waits where it was written.
"""

import asyncio
from collections import Counter, deque
from typing import Final

from collector.sources.base import Reading

_READINGS_AT_MOST: Final = 256
_FACTS_AT_MOST: Final = 512


class Inbox:
    """
    Readings in the order in which they were handed over, each with the name of its source.
    """

    def __init__(self) -> None:
        self._queue: deque[tuple[str, Reading]] = deque()
        self._readings: Counter[str] = Counter()
        self._facts: Counter[str] = Counter()
        self._changed = asyncio.Condition()

    @property
    def empty(self) -> bool:
        """
        Whether there is nothing to take.
        """
        return not self._queue

    async def put(self, source: str, reading: Reading) -> None:
        """
        Hand over a reading; waits for room. One that is larger than all the room has it for itself.
        """
        facts = len(reading.facts)
        async with self._changed:
            await self._changed.wait_for(lambda: self._has_room(source, facts))
            self._queue.append((source, reading))
            self._readings[source] += 1
            self._facts[source] += facts
            self._changed.notify_all()

    async def wait(self) -> None:
        """
        Until there is something to take.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: bool(self._queue))

    async def take(self) -> list[tuple[str, Reading]]:
        """
        All that there is.
        """
        async with self._changed:
            taken = list(self._queue)
            self._queue.clear()
            self._readings.clear()
            self._facts.clear()
            self._changed.notify_all()
            return taken

    def _has_room(self, source: str, facts: int) -> bool:
        readings = self._readings[source]
        return not readings or (readings < _READINGS_AT_MOST and self._facts[source] + facts <= _FACTS_AT_MOST)

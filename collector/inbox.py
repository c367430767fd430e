"""
What sources have read and nobody has fed to the correlator yet.

Bounded in facts, since a reading of a log from its beginning holds hundreds, and in readings, since one may hold none.
Who hands over waits while there is no room; what it has not read yet waits where it was written.
"""

import asyncio
from collections import deque
from typing import Final

from collector.sources.base import Reading

_READINGS_AT_MOST: Final = 256
_FACTS_AT_MOST: Final = 512


class Inbox:
    """
    Readings in the order in which they were handed over, each with the name of its source.
    """

    def __init__(self) -> None:
        self._readings: deque[tuple[str, Reading]] = deque()
        self._facts = 0
        self._changed = asyncio.Condition()

    @property
    def empty(self) -> bool:
        """
        Whether there is nothing to take.
        """
        return not self._readings

    async def put(self, source: str, reading: Reading) -> None:
        """
        Hand over a reading; waits for room. One that is larger than all the room has it for itself.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: self._has_room(len(reading.facts)))
            self._readings.append((source, reading))
            self._facts += len(reading.facts)
            self._changed.notify_all()

    async def wait(self) -> None:
        """
        Until there is something to take.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: bool(self._readings))

    async def take(self) -> list[tuple[str, Reading]]:
        """
        All that there is.
        """
        async with self._changed:
            taken = list(self._readings)
            self._readings.clear()
            self._facts = 0
            self._changed.notify_all()
            return taken

    def _has_room(self, facts: int) -> bool:
        full = len(self._readings) >= _READINGS_AT_MOST or self._facts + facts > _FACTS_AT_MOST
        return not self._readings or not full

"""
The first buffer of the pipeline: readings that the analyzer has not seen yet.

Each source has its own queue, and they take turns: a source with news does not wait while another reads an old log. A
queue is bounded in facts, because one reading of a log holds hundreds, and in readings, because one may hold none.
A full queue blocks its source: what it has not read yet stays in its drain and the kernel, the journal or Docker's
memory.
"""

import asyncio
from collections import deque
from collections.abc import Collection
from typing import Final

from collector.sources.base import Reading

# Per source. Facts bound memory; readings bound the positions that wait to be stored.
_MAX_READINGS: Final = 256
_MAX_FACTS: Final = 512


class _Queue:
    """
    The readings of one source, in their order.
    """

    def __init__(self) -> None:
        self.readings: deque[Reading] = deque()
        self._facts = 0

    def has_room(self, facts: int) -> bool:
        """
        Return whether a reading of so many facts may be queued; one that is larger than the whole room is queued alone.
        """
        readings = len(self.readings)
        return not readings or (readings < _MAX_READINGS and self._facts + facts <= _MAX_FACTS)

    def put(self, reading: Reading) -> None:
        """
        Add a reading.
        """
        self.readings.append(reading)
        self._facts += len(reading.facts)

    def take(self, max_facts: int) -> list[Reading]:
        """
        Remove and return the oldest readings; the last one is split where it has too many facts.

        Only the last part of a reading carries its position, so that the position cannot be stored while some of the
        facts are still here.
        """
        taken: list[Reading] = []
        while self.readings and max_facts > 0:
            reading = self.readings.popleft()
            if len(reading.facts) > max_facts:
                self.readings.appendleft(Reading(facts=reading.facts[max_facts:], position=reading.position))
                reading = Reading(facts=reading.facts[:max_facts], position={})
            taken.append(reading)
            max_facts -= len(reading.facts)
            self._facts -= len(reading.facts)
        return taken


class Inbox:
    """
    A bounded queue of readings per source. All of it is used in the thread of one loop.
    """

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}
        self._put, self._taken = asyncio.Event(), asyncio.Event()

    @property
    def empty(self) -> bool:
        """
        Whether nothing waits.
        """
        return not any(queue.readings for queue in self._queues.values())

    async def put(self, source: str, reading: Reading) -> None:
        """
        Queue a reading; wait while its source has no room.
        """
        queue = self._queues.setdefault(source, _Queue())
        while not queue.has_room(len(reading.facts)):
            self._taken.clear()
            await self._taken.wait()
        queue.put(reading)
        self._put.set()

    async def wait(self, paused: Collection[str] = ()) -> None:
        """
        Wait until there is a reading of a source that is not paused.
        """
        while not self._waiting(paused):
            self._put.clear()
            await self._put.wait()

    def take(self, max_facts: int, *, paused: Collection[str] = ()) -> list[tuple[str, Reading]]:
        """
        Remove and return readings, each with the name of its source: of each source the oldest, and of none more facts
        than its share.

        Args:
            max_facts: how many facts to take at most; one of each source if there are more sources.
            paused: leave the readings of these sources in their queues.
        """
        waiting = self._waiting(paused)
        share = max(max_facts // max(len(waiting), 1), 1)
        taken = [(source, reading) for source in waiting for reading in self._queues[source].take(share)]
        if taken:
            self._taken.set()
        return taken

    def _waiting(self, paused: Collection[str]) -> list[str]:
        return [source for source, queue in self._queues.items() if queue.readings and source not in paused]

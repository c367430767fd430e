"""
A clock that moves only as far as a test allows, and only by waiting on it.
"""

import asyncio
import math
from typing import Final

from collector.delivery import Courier

BEGIN_S: Final = 1_800_000_000.0


class StoppedClock:
    """
    The clock of one courier and its store.
    """

    def __init__(self) -> None:
        self.time_s = BEGIN_S
        self._end_s = BEGIN_S
        self._stopped = asyncio.Event()
        self._moved = asyncio.Event()

    def now_s(self) -> float:
        return self.time_s

    def wall_ns(self) -> int:
        return int(self.time_s * 1e9)

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        until_s = self.time_s + seconds if seconds is not None else math.inf
        while not event.is_set() and self.time_s < until_s:
            if until_s <= self._end_s:
                self.time_s = until_s
                return
            self._moved.clear()
            self._stopped.set()
            await _either(event, self._moved)

    async def run_to(self, courier: Courier, end_s: float) -> None:
        """
        Run until the courier has nothing to do before a time, seconds since the start.
        """
        self._end_s = BEGIN_S + end_s
        self._stopped.clear()
        self._moved.set()
        courier.wake()
        await self._stopped.wait()
        self.time_s = self._end_s


async def _either(one: asyncio.Event, other: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as tasks:
        waits = [tasks.create_task(one.wait()), tasks.create_task(other.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in waits:
            task.cancel()

"""
The clock of delivery, replaceable in tests.
"""

import asyncio
import contextlib
import time
from typing import Protocol


class Clock(Protocol):
    """
    A wall clock that can be waited on.
    """

    def now_s(self) -> float:
        """
        Return the wall clock, seconds since 1970.
        """
        ...

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """
        Wait until the event is set, or until the time is over; None: without a limit.
        """
        ...


class WallClock:
    """
    The clock of the operating system.
    """

    def now_s(self) -> float:
        """
        Return CLOCK_REALTIME: stored times must keep their meaning after a restart.
        """
        return time.time()

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """
        Wait until the event is set, or until the time is over; None: without a limit.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()

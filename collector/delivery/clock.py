"""
What delivery knows of time.
"""

import asyncio
import contextlib
import time
from typing import Protocol


class Clock(Protocol):
    """
    What a test passes instead.
    """

    def now_s(self) -> float:
        """
        Seconds since 1970.
        """
        ...

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """
        Wait until the event is set, at most so long; None: without limit.
        """
        ...


class WallClock:
    """
    The real one.
    """

    def now_s(self) -> float:
        """
        CLOCK_REALTIME, for what is stored must have a meaning after a restart.
        """
        return time.time()

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """
        Wait until the event is set, at most so long; None: without limit.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()

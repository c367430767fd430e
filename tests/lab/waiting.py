"""
Waits for the outside world: checks a condition again and again until it holds or the time is up.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

_POLL_S: Final = 0.01


def wait_until(condition: Callable[[], object], timeout_s: float, what: str) -> None:
    """
    Return as soon as a condition holds.

    Raises:
        TimeoutError: the condition did not hold in time; the message says what was awaited.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"timeout after {timeout_s:g} s: waited until {what}")
        time.sleep(_POLL_S)


async def eventually(condition: Callable[[], object], timeout_s: float, what: str) -> None:
    """
    Let the other tasks work until a condition holds.

    Raises:
        TimeoutError: as for `wait_until`.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"timeout after {timeout_s:g} s: waited until {what}")
        await asyncio.sleep(_POLL_S)

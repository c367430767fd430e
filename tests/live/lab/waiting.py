"""
Waiting for the outside world: a condition is looked at again and again until it holds or time is up.
"""

import time
from collections.abc import Callable
from typing import Final

_POLL_S: Final = 0.01


def wait_until(condition: Callable[[], object], timeout_s: float, what: str) -> None:
    """
    Return as soon as a condition holds.

    Raises:
        TimeoutError: it did not, in all that time; says what was waited for.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s:g} s in vain until {what}")
        time.sleep(_POLL_S)

"""
Lets independent tasks that work at intervals share a wake-up of the loop: waking up costs as much as the work itself.
"""

import time
from typing import Final

_NS_PER_MS: Final = 1_000_000
_MS_PER_S: Final = 1000


def until_beat_s(interval_s: float, now_ns: int | None = None) -> float:
    """
    Return the seconds until CLOCK_MONOTONIC is a multiple of an interval; more than 0, and at most the interval.

    The timers of the loop count whole milliseconds, and so does this: two tasks that ask within one wait equally long.

    Args:
        interval_s: the interval, a multiple of 1 ms.
        now_ns: CLOCK_MONOTONIC; None to read it.
    """
    now_ms = (time.monotonic_ns() if now_ns is None else now_ns) // _NS_PER_MS
    interval_ms = max(round(interval_s * _MS_PER_S), 1)
    return (interval_ms - now_ms % interval_ms) / _MS_PER_S

"""
How often to look at a container's memory: seldom while its limit is far, often when it is near or coming near.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_NEAR_SHARE: Final = 0.75
_MIDDLE_SHARE: Final = 0.5
# So many looks are wanted between now and the limit, whatever the pace.
_LOOKS_TO_LIMIT: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """
    The bounds of sampling.

    Attributes:
        slow_s: while nothing happens, and where there is no limit.
        usual_s: past half of the limit.
        fast_s: near the limit, or seconds away from it.
        looks_per_s: of all containers together; what is beyond makes all intervals longer.
    """

    slow_s: float = 15.0
    usual_s: float = 5.0
    fast_s: float = 1.0
    looks_per_s: float = 25.0


def interval_s(limit_share: float | None, growth_share_per_s: float, pace: Pace) -> float:
    """
    How long until the next look at one container.

    Args:
        limit_share: the part of the limit in use, 1.0 is all; None where there is no limit.
        growth_share_per_s: how much of the limit it grew by per second lately; negative while it shrinks.
        pace: the bounds.
    """
    if limit_share is None:
        return pace.slow_s
    if limit_share >= _NEAR_SHARE:
        wanted_s = pace.fast_s
    else:
        wanted_s = pace.usual_s if limit_share >= _MIDDLE_SHARE else pace.slow_s
    if growth_share_per_s > 0:
        wanted_s = min(wanted_s, (1.0 - limit_share) / growth_share_per_s / _LOOKS_TO_LIMIT)
    return min(pace.slow_s, max(pace.fast_s, wanted_s))


def stretch(intervals_s: Sequence[float], pace: Pace) -> float:
    """
    By what to multiply all intervals, so that looks stay within their number per second; 1.0 or more.
    """
    wanted_per_s = sum(1.0 / interval for interval in intervals_s)
    return max(1.0, wanted_per_s / pace.looks_per_s)

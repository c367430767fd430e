"""
Spans of time.
"""

from bisect import bisect_left
from collections.abc import Sequence


def is_any_between(times_ns: Sequence[int], from_ns: int, to_ns: int) -> bool:
    """
    Return whether one of some sorted times is within a span.
    """
    first = bisect_left(times_ns, from_ns)
    return first < len(times_ns) and times_ns[first] <= to_ns

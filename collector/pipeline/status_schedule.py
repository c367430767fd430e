"""
When the next status of the host is due.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final

from sinks.event import Event

_NS_PER_S: Final = 1_000_000_000
# The first status comes early, so that whoever watches many hosts soon knows what runs on this one.
_FIRST_S: Final = 10.0

# Makes the status: interval in seconds, wall clock in nanoseconds.
MakeStatus = Callable[[float, int], Event]


class StatusSchedule:
    """
    Makes a status at each interval.

    Args:
        make: makes it.
        clock_ns: a monotonic clock.
        wall_ns: the wall clock.

    Attributes:
        due_ns: when the next one is due, on the monotonic clock; None if none is wanted.
    """

    def __init__(
        self,
        make: MakeStatus,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.due_ns: int | None = None
        self._make = make
        self._clock_ns = clock_ns
        self._wall_ns = wall_ns
        self._interval_s: float | None = None

    def apply(self, interval_s: float | None) -> None:
        """
        Make a status every so many seconds from now on; None: no more.
        """
        if interval_s == self._interval_s:
            return
        self._interval_s = interval_s
        self.due_ns = self._clock_ns() + int(min(interval_s, _FIRST_S) * _NS_PER_S) if interval_s is not None else None

    def take(self) -> Sequence[Event]:
        """
        Return the status that is due, if one is. What was missed is not made up for: the next one covers it.
        """
        now_ns = self._clock_ns()
        if self._interval_s is None or self.due_ns is None or now_ns < self.due_ns:
            return ()
        interval_ns = int(self._interval_s * _NS_PER_S)
        self.due_ns += interval_ns * ((now_ns - self.due_ns) // interval_ns + 1)
        return (self._make(self._interval_s, self._wall_ns()),)

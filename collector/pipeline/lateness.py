"""
Measures how far the agent is behind what happens, and decides when it does less than it could.
"""

from collections.abc import Callable
from typing import Final

# The sources whose kills and deaths must come first; log tails and process tables can wait.
_JUDGED: Final = frozenset({"kmsg", "journald", "docker"})
# A host that keeps up is never this late: its slowest source answers within a second.
_BOUND_S: Final = 5.0
# While the agent falls behind or catches up, statements that are late and statements in time take turns.
_CALM_NS: Final = 5_000_000_000
_NS_PER_S: Final = 1_000_000_000


class Lateness:
    """
    Keeps the lag of each source: the age of its newest statement when it was processed.

    Args:
        started_ns: when the agent started, wall clock: what happened before is read late, and no sign of load.
        clock_ns: a monotonic clock.
    """

    def __init__(self, started_ns: int, clock_ns: Callable[[], int]) -> None:
        self._started_ns = started_ns
        self._clock_ns = clock_ns
        self._lags_s: dict[str, float] = {}
        self._catching_up: set[str] = set()
        self._late: set[str] = set()
        self._last_late_ns: int | None = None

    def observe(self, source: str, occurred_at_ns: int, now_ns: int) -> float:
        """
        Take the time of a fact; return its age in seconds.

        What comes right after a backlog is late because of the backlog.

        Args:
            source: that stated the fact.
            occurred_at_ns: when it happened, wall clock.
            now_ns: the wall clock.
        """
        lag_s = max(now_ns - occurred_at_ns, 0) / _NS_PER_S
        if occurred_at_ns < self._started_ns:
            self._catching_up.add(source)
        elif lag_s <= _BOUND_S or source not in self._catching_up:
            self._catching_up.discard(source)
            self._lags_s[source] = lag_s
            self._set_late(source, is_late=lag_s > _BOUND_S)
        return lag_s

    def forget(self, source: str) -> None:
        """
        Forget a source that went down: nobody waits for it.
        """
        self._lags_s.pop(source, None)
        self._set_late(source, is_late=False)

    def lag_s(self, source: str) -> float | None:
        """
        Return the lag of a source in seconds; None if it has said nothing since the agent started.
        """
        return self._lags_s.get(source)

    @property
    def is_behind(self) -> bool:
        """
        Whether the kernel's log or Docker's events are processed so late that everything else should wait.

        The agent has caught up when all of them have been in time for five seconds.
        """
        if self._late:
            return True
        return self._last_late_ns is not None and self._clock_ns() - self._last_late_ns < _CALM_NS

    def _set_late(self, source: str, *, is_late: bool) -> None:
        if source not in _JUDGED or not (is_late or source in self._late):
            return
        self._last_late_ns = self._clock_ns()
        if is_late:
            self._late.add(source)
        else:
            self._late.discard(source)

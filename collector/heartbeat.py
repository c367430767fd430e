"""
The agent's pulse: how late the loop is, and the watchdog, fed only while the agent does its work.

Alive is not enough: a loop that turns while nobody takes what the sources read would keep a useless agent running.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from collector.metrics import Metrics
from collector.notify import Notifier

_BEAT_S: Final = 1.0
_BEATS_PER_WATCHDOG: Final = 3
_LOG: Final = logging.getLogger(__name__)


class Heartbeat:
    """
    Beats once a second, more often for a short watchdog.

    Args:
        notifier: who is told.
        metrics: where the loop's lag is kept.
        ailment: what keeps the agent from its work now; None: nothing.
        clock_ns: a clock that only goes forward.
    """

    def __init__(
        self,
        notifier: Notifier,
        metrics: Metrics,
        ailment: Callable[[], str | None],
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._notifier = notifier
        self._metrics = metrics
        self._ailment = ailment
        self._clock_ns = clock_ns
        self._ill: str | None = None
        limit_s = notifier.watchdog_s
        self._beat_s = _BEAT_S if limit_s is None else min(_BEAT_S, limit_s / _BEATS_PER_WATCHDOG)

    async def run(self) -> None:
        """
        Beat until cancelled.
        """
        while True:
            self._beat()
            slept_from_ns = self._clock_ns()
            await asyncio.sleep(self._beat_s)
            self._metrics.loop_lag((self._clock_ns() - slept_from_ns) / 1e9 - self._beat_s)

    def _beat(self) -> None:
        ill = self._ailment()
        if ill is None:
            self._notifier.alive()
        elif self._ill is None:
            _LOG.error("the watchdog is not fed: %s", ill)
        self._ill = ill

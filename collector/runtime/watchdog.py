"""
Reports to systemd's watchdog while the agent makes progress, and measures the delay of the event loop.

A running event loop is not enough: the agent could be alive and read nothing. So nothing is reported during a stall,
and systemd restarts the agent.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from collector.host.beat import until_beat_s
from collector.metrics import Metrics
from collector.runtime.sd_notify import SdNotifier

_INTERVAL_S: Final = 1.0
# One late report must not restart the agent.
_REPORTS_PER_TIMEOUT: Final = 3
_NS_PER_S: Final = 1_000_000_000
_LOG: Final = logging.getLogger(__name__)


class Watchdog:
    """
    Reports once a second, more often if the watchdog's timeout is short.

    Args:
        notifier: sends the reports.
        metrics: keeps the delay of the event loop.
        stall_reason: returns why the agent makes no progress; None if it does.
        clock_ns: a monotonic clock.
    """

    def __init__(
        self,
        notifier: SdNotifier,
        metrics: Metrics,
        stall_reason: Callable[[], str | None],
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._notifier = notifier
        self._metrics = metrics
        self._stall_reason = stall_reason
        self._clock_ns = clock_ns
        self._stalled = False
        timeout_s = notifier.watchdog_s
        self._interval_s = _INTERVAL_S if timeout_s is None else min(_INTERVAL_S, timeout_s / _REPORTS_PER_TIMEOUT)

    async def run(self) -> None:
        """
        Report until cancelled.
        """
        while True:
            self._report()
            slept_from_ns = self._clock_ns()
            wait_s = until_beat_s(self._interval_s, slept_from_ns)
            await asyncio.sleep(wait_s)
            late_s = (self._clock_ns() - slept_from_ns) / _NS_PER_S - wait_s
            self._metrics.loop_lag_seconds.set_age(seconds=late_s)

    def _report(self) -> None:
        reason = self._stall_reason()
        if reason is None:
            self._notifier.alive()
        elif not self._stalled:
            _LOG.error("the agent stalled, not reporting to the watchdog: %s", reason)
        self._stalled = reason is not None

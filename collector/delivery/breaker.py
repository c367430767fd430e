"""
Whether a sink is sent to, and how long to leave it alone after a failure.

    closed ── 5 failures in a row ──▶ open ── its wait is over ──▶ half open ── one event was taken ──▶ closed
                                        ▲                              │
                                        └────────── it failed ─────────┘

A sink that needs a person is `disabled`: left alone for five minutes, then tried with one event.
"""

import random
from typing import Final, assert_never

from collector.metrics import Circuit
from collector.store import LONGEST_RETRY_S
from sinks.errors import DisabledError, TransientError

_FAILURES_TO_OPEN: Final = 5
_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 60.0
_DISABLED_WAIT_S: Final = 300.0


class Breaker:
    """
    The circuit of one sink.

    Args:
        rng: for jitter.

    Attributes:
        circuit: its state.
    """

    def __init__(self, rng: random.Random) -> None:
        self.circuit = Circuit.CLOSED
        self._rng = rng
        self._failures = 0

    @property
    def probing(self) -> bool:
        """
        Only one event may be sent now.
        """
        return self.circuit is Circuit.HALF_OPEN

    def taken(self) -> None:
        """
        The sink answered: it took an event, or said which it never will.
        """
        self.circuit, self._failures = Circuit.CLOSED, 0

    def failed(self, error: TransientError | DisabledError) -> float:
        """
        The sink did not take what it was sent; gives the seconds until it may be tried again.

        A time that the sink names is kept, up to an hour, but "at once" only while the circuit is closed. Else the wait
        has full jitter: anything from nothing to twice the last bound, so that hosts which failed together do not come
        back together.
        """
        self._failures += 1
        if isinstance(error, DisabledError):
            self.circuit = Circuit.DISABLED
            return _DISABLED_WAIT_S
        if self.probing or self._failures >= _FAILURES_TO_OPEN:
            self.circuit = Circuit.OPEN
        if error.retry_after_s is not None and (error.retry_after_s > 0 or self.circuit is Circuit.CLOSED):
            return min(error.retry_after_s, LONGEST_RETRY_S)
        return self._rng.uniform(0.0, min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(self._failures - 1, 16)))

    def waited(self) -> None:
        """
        The wait is over.
        """
        match self.circuit:
            case Circuit.OPEN | Circuit.DISABLED:
                self.circuit = Circuit.HALF_OPEN
            case Circuit.CLOSED | Circuit.HALF_OPEN:
                pass
            case _:
                assert_never(self.circuit)

"""
The circuit breaker of a sink: whether to send, and how long to wait after a failure.

    closed ── 5 failures in a row ──▶ open ── wait over ──▶ half open ── one event accepted ──▶ closed
                                        ▲                       │
                                        └─────── failure ───────┘

A sink that needs an operator is `disabled`: after five minutes, one event is tried.
"""

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from collector.store import LONGEST_RETRY_S
from sinks.errors import DisabledError, TransientError

_FAILURES_TO_OPEN: Final = 5
_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 60.0
_DISABLED_WAIT_S: Final = 300.0


class Circuit(StrEnum):
    """
    Whether events are sent to a sink: `open` waits after failures, `half_open` tries one event, `disabled` waits for an
    operator.
    """

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    DISABLED = "disabled"


@dataclass(slots=True, kw_only=True)
class SinkHealth:
    """
    Whether a sink works.

    Attributes:
        circuit: the state of its circuit breaker.
        why: the last failure in words; None after a success.
    """

    circuit: Circuit = Circuit.CLOSED
    why: str | None = None


class Breaker:
    """
    The circuit breaker of one sink.

    Args:
        rng: the source of jitter.

    Attributes:
        circuit: the state.
    """

    def __init__(self, rng: random.Random) -> None:
        self.circuit = Circuit.CLOSED
        self._rng = rng
        self._failures = 0

    @property
    def probing(self) -> bool:
        """
        Whether only one event may be sent now.
        """
        return self.circuit is Circuit.HALF_OPEN

    def succeeded(self) -> None:
        """
        Close the circuit: the sink accepted an event, or refused one for good. Both show that it works.
        """
        self.circuit, self._failures = Circuit.CLOSED, 0

    def failed(self, error: TransientError | DisabledError) -> float:
        """
        Count a failure. Return the seconds to wait before the next attempt.

        A wait that the sink asks for is respected, up to an hour; a wait of 0 only while the circuit is closed.
        Otherwise the wait has full jitter: a random time up to a bound that doubles with each failure, so that hosts
        which failed together do not retry together.
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

    def wait_ended(self) -> None:
        """
        Allow one event after the wait of an open or disabled circuit.
        """
        match self.circuit:
            case Circuit.OPEN | Circuit.DISABLED:
                self.circuit = Circuit.HALF_OPEN
            case Circuit.CLOSED | Circuit.HALF_OPEN:
                pass
            case _:
                assert_never(self.circuit)

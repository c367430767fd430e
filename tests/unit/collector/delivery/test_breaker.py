"""
The circuit breaker, step by step.
"""

import random

from collector.delivery import Breaker
from collector.delivery.breaker import Circuit
from sinks.errors import DisabledError, Reason, TransientError

BUSY = TransientError(Reason.SERVER_ERROR, "busy")
GONE = DisabledError(Reason.NO_SUCH_TARGET, "gone")


def opened_breaker() -> Breaker:
    """
    Return a breaker that five failures have opened_breaker.
    """
    breaker = Breaker(random.Random(137))  # noqa: S311 (jitter)
    for _ in range(5):
        breaker.wait_ended()
        breaker.failed(BUSY)
    return breaker


def test_four_failures_do_not_open_the_circuit() -> None:
    """
    A short failure, such as a restart of the receiver, does not open the circuit.
    """
    breaker = Breaker(random.Random(137))  # noqa: S311 (jitter)
    for _ in range(4):
        breaker.failed(BUSY)
        breaker.wait_ended()
    assert breaker.circuit is Circuit.CLOSED


def test_an_open_circuit_is_half_open_after_its_wait() -> None:
    """
    After its wait, an open circuit lets one event through.
    """
    breaker = opened_breaker()
    assert (breaker.circuit, breaker.probing) == (Circuit.OPEN, False)
    breaker.wait_ended()
    assert (breaker.circuit, breaker.probing) == (Circuit.HALF_OPEN, True)


def test_a_failed_probe_opens_and_a_successful_one_closes() -> None:
    """
    A failed probe opens the circuit again. A successful one closes it and resets the count of failures.
    """
    breaker = opened_breaker()
    breaker.wait_ended()
    breaker.failed(BUSY)
    assert breaker.circuit is Circuit.OPEN
    breaker.wait_ended()
    breaker.succeeded()
    assert breaker.circuit is Circuit.CLOSED
    breaker.failed(BUSY)
    assert breaker.circuit is Circuit.CLOSED


def test_a_sink_may_ask_for_an_immediate_retry_only_while_closed() -> None:
    """
    A sink that fails every time and asks for an immediate retry must not keep the host and the receiver busy.
    """
    breaker = Breaker(random.Random(137))  # noqa: S311 (jitter)
    lost_count = TransientError(Reason.SERVER_ERROR, "lost count", retry_after_s=0.0)
    waits_s = []
    for _ in range(8):
        waits_s.append(breaker.failed(lost_count))
        breaker.wait_ended()
    assert waits_s[:4] == [0, 0, 0, 0]
    assert min(waits_s[4:]) > 0


def test_a_disabled_sink_is_probed() -> None:
    """
    A disabled sink is tried after five minutes, and stays disabled if the answer is the same.
    """
    breaker = Breaker(random.Random(137))  # noqa: S311 (jitter)
    assert breaker.failed(GONE) == 300
    assert breaker.circuit is Circuit.DISABLED
    breaker.wait_ended()
    assert breaker.circuit is Circuit.HALF_OPEN
    breaker.failed(GONE)
    assert breaker.circuit is Circuit.DISABLED


def test_the_jitter_is_full() -> None:
    """
    Of many hosts that failed together, some retry at once and some late.
    """
    rng = random.Random(137)  # noqa: S311 (jitter)
    breakers = [Breaker(rng) for _ in range(200)]
    waits = sorted([breaker.failed(BUSY), breaker.failed(BUSY), breaker.failed(BUSY)][2] for breaker in breakers)
    assert waits[0] < 0.2
    assert 3.8 < waits[-1] <= 4

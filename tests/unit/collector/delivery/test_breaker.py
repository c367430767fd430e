"""
The circuit of a sink, step by step.
"""

import random

from collector.delivery import Breaker
from collector.metrics import Circuit
from sinks.errors import DisabledError, Reason, TransientError

BUSY = TransientError(Reason.SERVER_ERROR, "busy")
GONE = DisabledError(Reason.NO_SUCH_TARGET, "gone")


def opened() -> Breaker:
    """
    A circuit that five failures have opened.
    """
    breaker = Breaker(random.Random(137))  # noqa: S311 (jitter)
    for _ in range(5):
        breaker.waited()
        breaker.failed(BUSY)
    return breaker


def test_some_failures_do_not_open_it() -> None:
    """
    A restart of the other side is no outage.
    """
    breaker = Breaker(random.Random(137))  # noqa: S311 (jitter)
    for _ in range(4):
        breaker.failed(BUSY)
        breaker.waited()
    assert breaker.circuit is Circuit.CLOSED


def test_open_becomes_half_open_when_the_wait_is_over() -> None:
    """
    Then one event is tried.
    """
    breaker = opened()
    assert (breaker.circuit, breaker.probing) == (Circuit.OPEN, False)
    breaker.waited()
    assert (breaker.circuit, breaker.probing) == (Circuit.HALF_OPEN, True)


def test_a_failed_probe_opens_it_again_and_a_taken_one_closes_it() -> None:
    """
    Closed means that nothing is remembered of the failures.
    """
    breaker = opened()
    breaker.waited()
    breaker.failed(BUSY)
    assert breaker.circuit is Circuit.OPEN
    breaker.waited()
    breaker.taken()
    assert breaker.circuit is Circuit.CLOSED
    breaker.failed(BUSY)
    assert breaker.circuit is Circuit.CLOSED


def test_at_once_is_not_for_ever() -> None:
    """
    A sink that fails each time with a reason to go on would take the host's time, and the other side's.
    """
    breaker = Breaker(random.Random(137))  # noqa: S311 (jitter)
    lost_count = TransientError(Reason.SERVER_ERROR, "lost count", retry_after_s=0.0)
    waits_s = []
    for _ in range(8):
        waits_s.append(breaker.failed(lost_count))
        breaker.waited()
    assert waits_s[:4] == [0, 0, 0, 0]
    assert min(waits_s[4:]) > 0


def test_disabled_is_probed_too() -> None:
    """
    After five minutes; still disabled if the answer is the same.
    """
    breaker = Breaker(random.Random(137))  # noqa: S311 (jitter)
    assert breaker.failed(GONE) == 300
    assert breaker.circuit is Circuit.DISABLED
    breaker.waited()
    assert breaker.circuit is Circuit.HALF_OPEN
    breaker.failed(GONE)
    assert breaker.circuit is Circuit.DISABLED


def test_the_jitter_is_full() -> None:
    """
    Of many hosts that failed together, some come back at once and some late.
    """
    rng = random.Random(137)  # noqa: S311 (jitter)
    breakers = [Breaker(rng) for _ in range(200)]
    waits = sorted([breaker.failed(BUSY), breaker.failed(BUSY), breaker.failed(BUSY)][2] for breaker in breakers)
    assert waits[0] < 0.2
    assert 3.8 < waits[-1] <= 4

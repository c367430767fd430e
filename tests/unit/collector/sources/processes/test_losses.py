"""
The account of what could not be seen.
"""

from collections.abc import Iterator
from itertools import count

import pytest

from collector.sources.processes.losses import Losses


@pytest.fixture
def losses() -> Losses:
    """
    With a clock that goes on by one at each look: it stands at 0 when the account begins.
    """
    ticks: Iterator[int] = count()
    return Losses(lambda: next(ticks))


def test_nothing_lost(losses: Losses) -> None:
    """
    A scan without a loss before it, like the first one, tells nothing.
    """
    assert losses.scan_ended() is None
    assert losses.refused(0) is None


def test_a_loss(losses: Losses) -> None:
    """
    A loss began when all had last been read, and ends with the scan; it is told once.
    """
    losses.all_read()
    losses.overrun()
    losses.all_read()
    assert losses.open
    losses.scan_begins(120)
    gap = losses.scan_ended()
    assert gap is not None
    assert (gap.source, gap.what, gap.count) == ("processes", "records_lost", 120)
    assert (gap.from_ns, gap.to_ns) == (1, 3)
    assert not losses.open
    assert losses.scan_ended() is None


def test_a_loss_during_the_scan(losses: Losses) -> None:
    """
    What is lost while a scan runs needs another one, and has its own number.
    """
    losses.overrun()
    losses.scan_begins(120)
    losses.overrun()
    first = losses.scan_ended()
    assert losses.open
    losses.scan_begins(150)
    second = losses.scan_ended()
    assert first is not None
    assert second is not None
    assert (first.count, second.count) == (120, 30)


def test_a_kernel_that_does_not_count(losses: Losses) -> None:
    """
    Then the number is unknown, not zero.
    """
    losses.overrun()
    losses.scan_begins(0)
    gap = losses.scan_ended()
    assert gap is not None
    assert gap.count is None


def test_refused(losses: Losses) -> None:
    """
    Processes that there was no room for are told once.
    """
    gap = losses.refused(3)
    assert gap is not None
    assert (gap.what, gap.count) == ("table_full", 3)
    assert losses.refused(3) is None

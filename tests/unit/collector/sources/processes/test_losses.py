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
    assert losses.repaired(0) is None
    assert losses.refused(0) is None


def test_a_loss(losses: Losses) -> None:
    """
    A loss began when all had last been read, and ends with the repair; it is told once.
    """
    losses.all_read()
    losses.overrun()
    losses.all_read()
    assert losses.open
    gap = losses.repaired(120)
    assert gap is not None
    assert (gap.source, gap.what, gap.count) == ("processes", "records_lost", 120)
    assert (gap.from_ns, gap.to_ns) == (1, 2)
    assert not losses.open
    assert losses.repaired(120) is None


def test_the_kernel_counts_from_the_beginning(losses: Losses) -> None:
    """
    Each loss tells its own number.
    """
    losses.overrun()
    losses.repaired(120)
    losses.overrun()
    gap = losses.repaired(150)
    assert gap is not None
    assert gap.count == 30


def test_a_kernel_that_does_not_count(losses: Losses) -> None:
    """
    Then the number is unknown, not zero.
    """
    losses.overrun()
    gap = losses.repaired(0)
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

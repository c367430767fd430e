"""
Tests of counting lost events.
"""

from collections.abc import Iterator
from itertools import count

import pytest

from collector.sources.processes.losses import Losses


@pytest.fixture
def losses() -> Losses:
    """
    Losses with a clock that advances by 1 ns at each reading, starting at 0.
    """
    ticks: Iterator[int] = count()
    return Losses(lambda: next(ticks))


def test_nothing_lost(losses: Losses) -> None:
    """
    A scan without a loss before it, such as the first one, gives no gap.
    """
    assert losses.scan_ended() is None
    assert losses.refused(0) is None


def test_a_loss(losses: Losses) -> None:
    """
    A gap lasts from the time when all events had been read to the end of the scan, and is reported once.
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
    Events lost during a scan need another scan, and are counted separately.
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
    If the kernel does not count its losses, the number is unknown, not zero.
    """
    losses.overrun()
    losses.scan_begins(0)
    gap = losses.scan_ended()
    assert gap is not None
    assert gap.count is None


def test_refused_processes_are_reported_once(losses: Losses) -> None:
    """
    Processes that the table had no room for are reported once.
    """
    gap = losses.refused(3)
    assert gap is not None
    assert (gap.what, gap.count) == ("table_full", 3)
    assert losses.refused(3) is None

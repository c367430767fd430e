"""
A warning is told when it rises and when it is over, and never flutters.
"""

from collector.memory.latch import Latch, Level, Thresholds

S = 1_000_000_000
SHARE = Thresholds(warning=0.75, critical=0.90, clear_share=0.9, clear_after_s=60.0)


def told(values: list[float | None], every_s: int = 30) -> list[tuple[int, Level]]:
    """
    What a latch tells, with the index of the value.
    """
    latch = Latch(SHARE)
    levels = [latch.update(value, index * every_s * S) for index, value in enumerate(values)]
    return [(index, level) for index, level in enumerate(levels) if level is not None]


def test_each_level_is_told_once() -> None:
    """
    At its threshold.
    """
    assert told([0.74, 0.75, 0.8, 0.9, 0.95, 0.9]) == [(1, Level.WARNING), (3, Level.CRITICAL)]


def test_a_jump_is_critical_at_once() -> None:
    """
    Without a warning before.
    """
    assert told([0.1, 0.99]) == [(1, Level.CRITICAL)]


def test_a_value_that_swings_about_a_threshold_is_told_once() -> None:
    """
    Below the threshold, but not far enough below for it to be over.
    """
    assert told([0.76, 0.74, 0.76, 0.70, 0.76, 0.68]) == [(0, Level.WARNING)]


def test_over_only_after_a_while() -> None:
    """
    Calm for a minute; one value above the bound starts the minute anew.
    """
    assert told([0.76, 0.1, 0.1, 0.7, 0.1, 0.1, 0.1]) == [(0, Level.WARNING), (6, Level.RESOLVED)]


def test_from_critical_to_warning_is_not_told() -> None:
    """
    The way back up is.
    """
    assert told([0.95, 0.8, 0.8, 0.8, 0.95]) == [(0, Level.CRITICAL), (4, Level.CRITICAL)]


def test_an_unknown_value_is_calm() -> None:
    """
    The limit was taken away: the warning ends.
    """
    assert told([0.95, None, None, None]) == [(0, Level.CRITICAL), (3, Level.RESOLVED)]

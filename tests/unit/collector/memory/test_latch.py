"""
A warning is reported when it is raised and when it is resolved, and never flutters.
"""

from collector.memory.latch import Latch, Level, Thresholds

S = 1_000_000_000
SHARE = Thresholds(warning=0.75, critical=0.90, clear_share=0.9, clear_after_s=60.0)


def reported(values: list[float | None], every_s: int = 30) -> list[tuple[int, Level]]:
    """
    Return the levels that a latch reports, each with the index of its value.
    """
    latch = Latch(SHARE)
    levels = [latch.update(value, index * every_s * S) for index, value in enumerate(values)]
    return [(index, level) for index, level in enumerate(levels) if level is not None]


def test_each_level_is_reported_once() -> None:
    """
    A level is reported when the value reaches its threshold.
    """
    assert reported([0.74, 0.75, 0.8, 0.9, 0.95, 0.9]) == [(1, Level.WARNING), (3, Level.CRITICAL)]


def test_a_jump_is_critical_at_once() -> None:
    """
    A jump beyond both thresholds is critical without a warning before.
    """
    assert reported([0.1, 0.99]) == [(1, Level.CRITICAL)]


def test_a_value_that_swings_around_a_threshold_is_reported_once() -> None:
    """
    A value just below the threshold does not resolve the warning.
    """
    assert reported([0.76, 0.74, 0.76, 0.70, 0.76, 0.68]) == [(0, Level.WARNING)]


def test_a_warning_is_resolved_only_after_a_while() -> None:
    """
    The value must be calm for a minute; one value above the bound starts the minute again.
    """
    assert reported([0.76, 0.1, 0.1, 0.7, 0.1, 0.1, 0.1]) == [(0, Level.WARNING), (6, Level.RESOLVED)]


def test_the_step_from_critical_to_warning_is_not_reported() -> None:
    """
    The step back up to critical is reported.
    """
    assert reported([0.95, 0.8, 0.8, 0.8, 0.95]) == [(0, Level.CRITICAL), (4, Level.CRITICAL)]


def test_an_unknown_value_counts_as_calm() -> None:
    """
    A warning is resolved after its limit is removed.
    """
    assert reported([0.95, None, None, None]) == [(0, Level.CRITICAL), (3, Level.RESOLVED)]

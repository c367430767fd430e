"""
Moments as people write them.
"""

import pytest

from collector.explain.moment import MomentError, moment_ns

NOW_NS = 1_795_316_624_000_000_000
SECOND_NS = 1_000_000_000


@pytest.mark.parametrize(("text", "ago_s"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1d", 86_400), ("1w", 604_800)])
def test_an_age_is_before_now(text: str, ago_s: int) -> None:
    """
    A number and a unit.
    """
    assert moment_ns(text, NOW_NS) == NOW_NS - ago_s * SECOND_NS


def test_a_date_with_a_zone_is_that_moment() -> None:
    """
    ISO 8601.
    """
    assert moment_ns("2026-11-22T03:17:04Z", NOW_NS) == 1_795_317_424 * SECOND_NS


@pytest.mark.parametrize("text", ["", "yesterday", "2h ago", "9" * 5000 + "d", "2026-13-01"])
def test_anything_else_is_refused(text: str) -> None:
    """
    With an error of its own kind.
    """
    with pytest.raises(MomentError):
        moment_ns(text, NOW_NS)

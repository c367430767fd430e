"""
Times on the command line.
"""

import pytest

from collector.explain.time_argument import TimeArgumentError, parse_time

NOW_NS = 1_795_316_624_000_000_000
SECOND_NS = 1_000_000_000


@pytest.mark.parametrize(("text", "ago_s"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1d", 86_400), ("1w", 604_800)])
def test_an_age_is_before_now(text: str, ago_s: int) -> None:
    """
    A number with a unit is an age, counted back from now.
    """
    assert parse_time(text, NOW_NS) == NOW_NS - ago_s * SECOND_NS


def test_a_date_with_a_time_zone_is_that_time() -> None:
    """
    A date in ISO 8601 with a time zone does not depend on the local one.
    """
    assert parse_time("2026-11-22T03:17:04Z", NOW_NS) == 1_795_317_424 * SECOND_NS


@pytest.mark.parametrize("text", ["", "yesterday", "2h ago", "9" * 5000 + "d", "2026-13-01"])
def test_anything_else_is_refused(text: str) -> None:
    """
    A text that is neither an age nor a date raises `TimeArgumentError`.
    """
    with pytest.raises(TimeArgumentError):
        parse_time(text, NOW_NS)


@pytest.mark.parametrize("text", ["9999-12-31", "9999-12-31T23:59:59+00:00", "1969-12-31", "999999999w", "99999w"])
def test_a_time_that_no_store_has_is_refused(text: str) -> None:
    """
    A time before 1970 or after 2262 is no time of an event.
    """
    with pytest.raises(TimeArgumentError):
        parse_time(text, 1_790_000_000_000_000_000)

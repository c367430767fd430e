"""
Memory curves drawn in text.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.explain.chart import chart

MIB = 1 << 20
RISE = [(at_s - 100.0, at_s * MIB) for at_s in range(0, 101, 10)]


def test_a_rise_is_a_staircase_under_its_limit() -> None:
    """
    The limit is the top of the scale, and the event is at the right end.
    """
    assert chart(RISE, 100 * MIB, 32, height=2) == [
        "   100 MiB ┤            ▂▂▃▃▅▅▆█",
        "         0 ┼  ▂▂▃▃▅▅▆▆██████████",
        "            -100 s             0",
    ]


def test_a_limit_that_is_far_away_does_not_flatten_the_curve() -> None:
    """
    The peak is the top of the scale if the limit is far above.
    """
    assert chart(RISE, 10_000 * MIB, 40)[0].startswith("   100 MiB ┤")


@pytest.mark.parametrize("series", [[], [(0.0, MIB)]])
def test_without_a_curve_there_is_no_chart(series: list[tuple[float, int]]) -> None:
    """
    A single sample is not a curve.
    """
    assert chart(series, None, 80) == []


@given(
    st.lists(st.tuples(st.floats(-1e6, 0), st.integers(0, 1 << 50)), max_size=130),
    st.none() | st.integers(0, 1 << 50),
    st.integers(-5, 300),
)
def test_any_curve_is_drawn_within_its_width(series: list[tuple[float, int]], limit: int | None, width: int) -> None:
    """
    Any samples at any width give lines that fit, or the narrowest chart.
    """
    for line in chart(sorted(series), limit, width):
        assert len(line) <= max(width, 50)

"""
How often a container is looked at.
"""

import pytest

from collector.memory.sampling import Pace, interval_s, stretch

PACE = Pace(slow_s=15.0, usual_s=5.0, fast_s=1.0, looks_per_s=25.0)


@pytest.mark.parametrize(
    ("limit_share", "expected_s"),
    [(0.1, 15.0), (0.49, 15.0), (0.5, 5.0), (0.74, 5.0), (0.75, 1.0), (1.0, 1.0), (None, 15.0)],
)
def test_nearer_is_more_often(limit_share: float | None, expected_s: float) -> None:
    """
    While nothing grows, only the distance counts.
    """
    assert interval_s(limit_share, 0.0, PACE) == expected_s


def test_growth_counts_as_nearness() -> None:
    """
    A tenth of its limit, but there in two minutes: thirty looks until then.
    """
    assert interval_s(0.1, 0.9 / 120, PACE) == pytest.approx(4.0)
    assert interval_s(0.1, 0.9, PACE) == 1.0


def test_shrinking_is_no_haste() -> None:
    """
    Nor is growth that takes days.
    """
    assert interval_s(0.1, -0.5, PACE) == interval_s(0.1, 1e-6, PACE) == 15.0


def test_many_containers_share_the_looks_there_are() -> None:
    """
    A hundred that all want to be seen each second are seen every four.
    """
    assert stretch([1.0] * 100, PACE) == 4.0
    assert stretch([15.0] * 100, PACE) == 1.0
    assert stretch([], PACE) == 1.0

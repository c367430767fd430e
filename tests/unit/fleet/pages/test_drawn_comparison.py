"""
A version beside the versions before it, as the pages draw them.
"""

import pytest

from fleet.pages.drawn_comparison import drawn_comparison_of, drawn_comparisons_of
from sinks.event.fleet_views import FleetView, VersionFiguresView
from sinks.event.views import DataView, EventView, Exit137View


def regression(before: VersionFiguresView, after: VersionFiguresView, **figures: float) -> EventView:
    fleet = FleetView(kind="regression", service="api", before=before, after=after, **figures)
    return EventView(data=DataView(exit137=Exit137View(fleet=fleet)))


def storm_of(service: str) -> EventView:
    return EventView(data=DataView(exit137=Exit137View(fleet=FleetView(kind="storm", service=service))))


BEFORE = VersionFiguresView(deaths=2, container_hours=1000.0)
AFTER = VersionFiguresView(deaths=10, container_hours=500.0)


def test_rates_are_cases_in_a_thousand_container_hours() -> None:
    """
    The longer bar is the whole length.
    """
    found = drawn_comparison_of(regression(BEFORE, AFTER))
    assert found is not None
    assert [(bar.rate, bar.percent) for bar in found.bars] == [(2.0, 10.0), (20.0, 100.0)]


def test_the_lower_bound_is_marked_where_the_bar_would_end() -> None:
    """
    A ratio of 10 of which 4 are certain: four tenths of the bar.
    """
    found = drawn_comparison_of(regression(BEFORE, AFTER, rate_ratio=10.0, rate_ratio_low=4.0))
    assert found is not None
    assert found.low_percent == pytest.approx(40.0)


def test_without_container_time_there_is_no_rate() -> None:
    """
    Nothing is divided by zero, and nothing is drawn.
    """
    found = drawn_comparison_of(regression(VersionFiguresView(), VersionFiguresView(deaths=3)))
    assert found is not None
    assert [(bar.rate, bar.percent) for bar in found.bars] == [(None, 0.0), (None, 0.0)]


def test_weak_evidence_has_no_odds() -> None:
    """
    Evidence below 2 bounds nothing that is worth a sentence.
    """
    weak = drawn_comparison_of(regression(BEFORE, AFTER, e_value=1.5))
    strong = drawn_comparison_of(regression(BEFORE, AFTER, e_value=3516.2))
    assert weak is not None
    assert strong is not None
    assert (weak.false_alarms, strong.false_alarms) == (None, 3516)


def test_only_the_regressions_of_a_service_are_compared() -> None:
    """
    Neither those of other services nor incidents of other kinds.
    """
    mine, storm = (
        regression(BEFORE, AFTER),
        storm_of("api"),
    )
    assert [found.event for found in drawn_comparisons_of([storm, mine], "api")] == [mine]
    assert drawn_comparisons_of([storm, mine], "web") == []

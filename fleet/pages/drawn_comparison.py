"""
A version of a service beside the versions before it, with the figures of the test, as the pages draw them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sinks.event.fleet_views import VersionFiguresView
from sinks.event.views import EventView

_HOURS: Final = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """
    How often one side died.

    Attributes:
        name: `before` or `after`.
        figures: what was counted.
        rate: cases per 1,000 container-hours; None if no time is known.
        percent: the length of the bar, compared with the longer one.
    """

    name: str
    figures: VersionFiguresView
    rate: float | None
    percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnComparison:
    """
    The two sides of a regression.

    Attributes:
        event: the latest event of the incident.
        bars: before and after.
        rate_ratio: how many times as often the version dies.
        rate_ratio_low: the lower bound of that.
        low_percent: where the bar of the version would end at the lower bound.
        false_alarms: an equal rate gives evidence as strong as this once in so many versions; None below 2.
    """

    event: EventView
    bars: Sequence[Bar]
    rate_ratio: float | None
    rate_ratio_low: float | None
    low_percent: float | None
    false_alarms: int | None


def drawn_comparison_of(event: EventView) -> DrawnComparison | None:
    """
    Return the two sides of an incident; None if it has none.
    """
    fleet = event.exit137.fleet
    if fleet is None or fleet.before is None or fleet.after is None:
        return None
    before, after = _rate(fleet.before), _rate(fleet.after)
    longest = max(before or 0.0, after or 0.0) or 1.0
    ratio, low = fleet.rate_ratio, fleet.rate_ratio_low
    return DrawnComparison(
        event=event,
        bars=(
            Bar(name="before", figures=fleet.before, rate=before, percent=_percent(before, longest)),
            Bar(name="after", figures=fleet.after, rate=after, percent=_percent(after, longest)),
        ),
        rate_ratio=ratio,
        rate_ratio_low=low,
        low_percent=_percent(after, longest) * min(1.0, low / ratio) if ratio and low is not None else None,
        false_alarms=int(fleet.e_value) if fleet.e_value is not None and fleet.e_value >= 2 else None,  # noqa: PLR2004 (said above)
    )


def drawn_comparisons_of(events: Iterable[EventView], service: str) -> list[DrawnComparison]:
    """
    Return the regressions of a service, in the order of the events.
    """
    found = (drawn_comparison_of(event) for event in events if _service(event) == service)
    return [comparison for comparison in found if comparison is not None]


def _service(event: EventView) -> str | None:
    return event.exit137.fleet.service if event.exit137.fleet is not None else None


def _rate(figures: VersionFiguresView) -> float | None:
    return _HOURS * figures.deaths / figures.container_hours if figures.container_hours > 0 else None


def _percent(rate: float | None, longest: float) -> float:
    return round(100.0 * (rate or 0.0) / longest, 1)

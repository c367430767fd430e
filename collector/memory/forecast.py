"""
Forecast when a growing container will reach its limit, and how certain that is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from collector.memory.curve import Line, fit
from collector.memory.sample_ring import Point

_MIN_SAMPLES: Final = 8
# A program that has just started grows for a while and then stops growing.
_MIN_SPAN_S: Final = 120.0
# About 95 % of cases lie within two standard errors of the slope.
_STANDARD_ERRORS: Final = 2.0
# Below this the curve is not a noisy line but another shape (a sawtooth), and the error of its slope is meaningless.
_MIN_R_SQUARED: Final = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """
    The time to the limit.

    Attributes:
        growth_bytes_per_s: the recent growth.
        seconds: time to the limit at this growth.
        soonest_s: time to the limit at the fastest growth that fits the samples.
        latest_s: time to the limit at the slowest such growth; None if no growth at all fits them too.
    """

    growth_bytes_per_s: float
    seconds: float
    soonest_s: float
    latest_s: float | None


def forecast(points: Sequence[Point], limit_bytes: int | None) -> Forecast | None:
    """
    Forecast from the latest samples; None if there is no growth, no limit, or too few samples.

    Args:
        points: the samples of the last minutes, oldest first.
        limit_bytes: None if there is no limit.
    """
    if limit_bytes is None or len(points) < _MIN_SAMPLES or points[-1].at_s - points[0].at_s < _MIN_SPAN_S:
        return None
    line = fit([(point.at_s, float(point.working_set_bytes)) for point in points])
    if line is None or line.per_s <= 0:
        return None
    left_bytes = max(0.0, limit_bytes - line.at_end)
    doubt = _STANDARD_ERRORS * _slope_error(points, line.residual)
    sound = line.r_squared >= _MIN_R_SQUARED and _still_grows(points, line)
    slowest = line.per_s - doubt if sound else 0.0
    return Forecast(
        growth_bytes_per_s=line.per_s,
        seconds=left_bytes / line.per_s,
        soonest_s=left_bytes / (line.per_s + doubt),
        latest_s=left_bytes / slowest if slowest > 0 else None,
    )


def _still_grows(points: Sequence[Point], line: Line) -> bool:
    """
    Return whether the last third grows as well; after a step it does not.
    """
    late = fit([(point.at_s, float(point.working_set_bytes)) for point in points[-len(points) // 3 :]])
    return late is not None and late.per_s >= line.per_s / 2


def _slope_error(points: Sequence[Point], residual: float) -> float:
    """
    Return the standard error of the slope of a fitted line.
    """
    middle_s = sum(point.at_s for point in points) / len(points)
    return residual / math.sqrt(sum((point.at_s - middle_s) ** 2 for point in points))

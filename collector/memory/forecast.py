"""
When a container will reach its limit if it goes on as lately, and how sure that is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from collector.memory.curve import Line, fit
from collector.memory.samples import Point

_FEWEST_SAMPLES: Final = 8
# A program that has just been started grows, and then does not.
_SHORTEST_S: Final = 120.0
# About 95 % of cases lie within two standard errors of the slope.
_ERRORS: Final = 2.0
# A line that explains less is no line with noise, but another curve (a sawtooth): errors of its slope mean nothing.
_R_SQUARED: Final = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """
    The time to the limit.

    Attributes:
        growth_bytes_per_s: lately.
        seconds: until the limit at this growth.
        soonest_s: the same at the fastest growth that the samples allow.
        latest_s: at the slowest; None when they allow that it does not grow at all.
    """

    growth_bytes_per_s: float
    seconds: float
    soonest_s: float
    latest_s: float | None


def forecast(points: Sequence[Point], limit_bytes: int | None) -> Forecast | None:
    """
    The forecast from the latest samples; None where it does not grow, has no limit, or the samples are too few.

    Args:
        points: of the last minutes, oldest first.
        limit_bytes: None where there is no limit.
    """
    if limit_bytes is None or len(points) < _FEWEST_SAMPLES or points[-1].at_s - points[0].at_s < _SHORTEST_S:
        return None
    line = fit([(point.at_s, float(point.working_set_bytes)) for point in points])
    if line is None or line.per_s <= 0:
        return None
    left_bytes = max(0.0, limit_bytes - line.at_end)
    doubt = _ERRORS * _slope_error(points, line.residual)
    sound = line.r_squared >= _R_SQUARED and _goes_on(points, line)
    slowest = line.per_s - doubt if sound else 0.0
    return Forecast(
        growth_bytes_per_s=line.per_s,
        seconds=left_bytes / line.per_s,
        soonest_s=left_bytes / (line.per_s + doubt),
        latest_s=left_bytes / slowest if slowest > 0 else None,
    )


def _goes_on(points: Sequence[Point], line: Line) -> bool:
    """
    Whether it grows in the last third as well: a step does not.
    """
    late = fit([(point.at_s, float(point.working_set_bytes)) for point in points[-len(points) // 3 :]])
    return late is not None and late.per_s >= line.per_s / 2


def _slope_error(points: Sequence[Point], residual: float) -> float:
    """
    The standard error of the slope of a fitted line.
    """
    middle_s = sum(point.at_s for point in points) / len(points)
    return residual / math.sqrt(sum((point.at_s - middle_s) ** 2 for point in points))

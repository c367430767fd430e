"""
Arithmetic on memory curves: bins of equal time, floors, a fitted line, turning points.

Samples are not evenly spaced, so everything that measures time works on bins of equal time.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from collector.memory.sample_ring import Point

_BINS: Final = 60
_SEGMENTS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """
    A straight line through points, by least squares.

    Attributes:
        per_s: the slope.
        at_end: the value at the last point.
        r_squared: the part of the variance that the line explains, 0 to 1.
        residual: the standard deviation of the points from the line.
    """

    per_s: float
    at_end: float
    r_squared: float
    residual: float


def fit(points: Sequence[tuple[float, float]]) -> Line | None:
    """
    Fit a line to points (seconds, value); None if there are fewer than three or all have the same time.
    """
    if len(points) < 3:  # noqa: PLR2004 (two points are always on a line)
        return None
    times, values = [point[0] for point in points], [point[1] for point in points]
    middle_s, mean = statistics.fmean(times), statistics.fmean(values)
    spread = sum((time - middle_s) ** 2 for time in times)
    if spread == 0:
        return None
    per_s = sum((time - middle_s) * (value - mean) for time, value in points) / spread
    errors = sum((value - mean - per_s * (time - middle_s)) ** 2 for time, value in points)
    total = sum((value - mean) ** 2 for value in values)
    return Line(
        per_s=per_s,
        at_end=mean + per_s * (times[-1] - middle_s),
        r_squared=1 - errors / total if total else 0.0,
        residual=(errors / (len(points) - 2)) ** 0.5,
    )


def bins(points: Sequence[Point], count: int = _BINS) -> list[list[Point]]:
    """
    Split points into bins of equal time; bins without a point are left out.
    """
    start_s = points[0].at_s
    width_s = (points[-1].at_s - start_s) / count or 1.0
    found: dict[int, list[Point]] = {}
    for point in points:
        found.setdefault(min(count - 1, int((point.at_s - start_s) / width_s)), []).append(point)
    return list(found.values())


def mean_bytes(points: Sequence[Point]) -> float:
    """
    Return the mean working set.
    """
    return statistics.fmean(point.working_set_bytes for point in points)


def floors(points: Sequence[Point]) -> list[tuple[float, float]]:
    """
    Return the lowest point of each eighth of the time as (seconds, bytes): what no garbage collection gives back.
    """
    lowest = (min(part, key=lambda point: point.working_set_bytes) for part in bins(points, _SEGMENTS))
    return [(point.at_s, float(point.working_set_bytes)) for point in lowest]


def turning_points(points: Sequence[Point], swing_bytes: float) -> list[Point]:
    """
    Return the alternating highs and lows, first and last point included, without swings below `swing_bytes`.
    """
    turns = [points[0]]
    candidate = points[0]
    rising: bool | None = None
    for point in points[1:]:
        step = point.working_set_bytes - candidate.working_set_bytes
        if rising is None:
            if abs(step) >= swing_bytes:
                rising, candidate = step > 0, point
        elif (step >= 0) == rising:
            candidate = point
        elif abs(step) >= swing_bytes:
            turns.append(candidate)
            rising, candidate = not rising, point
    return [*turns, candidate] if candidate is not turns[-1] else turns

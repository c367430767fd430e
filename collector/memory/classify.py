"""
Classify memory curves: leak, spike, sawtooth, steady, undersized, cache or unknown.

A curve does not prove what a program does, so no shape is ever certain. If the samples are few or no rule matches, the
shape is unknown. Each shape has one rule, a function that returns the shape or None; the first match wins.
"""

import itertools
import statistics
from collections.abc import Callable, Sequence
from typing import Final

from collector.memory.curve import fit, floors, mean_bytes, turning_points
from collector.memory.sample_ring import Point
from collector.memory.shape import NEAR_LIMIT_SHARE, CurveView, Shape, Trend

# A shape that lasted for less time is possible at most.
_LONG_S: Final = 300.0
_SPIKE_RISE: Final = 0.3
_SPIKE_TIME_SHARE: Final = 0.2
_SPIKE_REST: Final = 0.3
_LEAK_GROWTH: Final = 0.1
_LEAK_R_SQUARED: Final = 0.85
# The last third of a leak grows at least this fast, as a share of all of it, else it is levelling off: a warm-up.
_LEAK_LATE_SHARE: Final = 0.6
# A leak whose growth is mostly one step is another load or configuration.
_LEAK_STEP: Final = 0.5
_CLEAR_R_SQUARED: Final = 0.95
_CACHE_SHARE: Final = 0.7
_CACHE_ANON_SHARE: Final = 0.2
_TOOTH_SHARE: Final = 0.35
_MIN_TEETH: Final = 3
_CLEAR_TEETH: Final = 6
# A collector frees at once what took a while to fill; a load that follows the users rises and falls alike.
_TOOTH_SLANT: Final = 2.0
# A sawtooth is searched in this many of the newest samples first, which are not thinned out, then in all.
_RECENT_COUNTS: Final = (60, 120)


def shape_of(points: Sequence[Point], limit_bytes: int | None) -> Shape:
    """
    Return the shape of a curve.

    Args:
        points: oldest first; after a kill the last one may be the limit, at the time of the kill.
        limit_bytes: None if there is no limit.
    """
    view = CurveView(points, limit_bytes)
    if view.is_sufficient:
        for rule in _RULES:
            shape = rule(view)
            if shape is not None:
                return shape
    return view.shape(Trend.UNKNOWN, clear=False)


def _spike(view: CurveView) -> Shape | None:
    """
    Match a calm curve with short excursions far above it; the last one may be at the end of the curve.
    """
    raised_bytes = view.baseline_bytes + view.min_change_bytes(_SPIKE_RISE, view.baseline_bytes)
    high = [part for part in view.bins if max(point.working_set_bytes for point in part) > raised_bytes]
    rest = [mean_bytes(part) for part in view.bins if part not in high]
    if not high or not rest or len(high) > max(1, _SPIKE_TIME_SHARE * len(view.bins)):
        return None
    jump_bytes = view.peak_bytes - view.baseline_bytes
    unrest = (max(rest) - min(rest)) / jump_bytes
    if unrest > _SPIKE_REST:
        return None
    return view.shape(
        Trend.SPIKE,
        clear=unrest <= _SPIKE_REST / 2,
        rise_s=_rise_s(view.points, view.baseline_bytes + jump_bytes / 10),
        baseline_bytes=view.baseline_bytes,
    )


def _cache(view: CurveView) -> Shape | None:
    """
    Match growth by file pages instead of anonymous memory, or a limit that file pages fill.
    """
    if not any(point.anon_bytes for point in view.points):
        return None
    first, last = view.bins[: len(view.bins) // 6 or 1], view.bins[-(len(view.bins) // 6 or 1) :]
    grown, anon, file = (_level(last, field) - _level(first, field) for field in _FIELDS)
    if grown > view.flat_bytes and file >= _CACHE_SHARE * grown and anon <= _CACHE_ANON_SHARE * grown:
        line = fit([(point.at_s, float(point.working_set_bytes)) for point in view.points])
        growth = (line.per_s, line.r_squared) if line is not None else (None, None)
        return view.shape(Trend.CACHE, clear=True, growth_per_s=growth[0], r_squared=growth[1])
    file_bytes, anon_bytes = _level(last, _FIELDS[2]), _level(last, _FIELDS[1])
    filled = view.limit_bytes is not None and file_bytes + anon_bytes >= NEAR_LIMIT_SHARE * view.limit_bytes
    if filled and file_bytes > anon_bytes and anon <= view.flat_bytes:
        return view.shape(Trend.CACHE, clear=file_bytes > 2 * anon_bytes, baseline_bytes=view.baseline_bytes)
    return None


def _leak(view: CurveView) -> Shape | None:
    """
    Match a floor that rises all the time, to the end or to the limit.
    """
    rise = view.rise_to_limit
    return _steady_rise(view, view) or (_steady_rise(rise, view) if rise is not None else None)


def _steady_rise(part: CurveView, view: CurveView) -> Shape | None:
    """
    Return a leak if the floor of a part of the curve rises all the time: not in one step, and not ever slower.
    """
    lows = floors(part.points)
    line = fit(lows)
    if line is None or line.r_squared < _LEAK_R_SQUARED:
        return None
    grown = lows[-1][1] - lows[0][1]
    if grown < view.min_change_bytes(_LEAK_GROWTH, view.peak_bytes):
        return None
    steps = [after[1] - before[1] for before, after in itertools.pairwise(lows)]
    if max(steps) > _LEAK_STEP * grown or _levels_off(lows):
        return None
    clear = line.r_squared >= _CLEAR_R_SQUARED and part.span_s >= _LONG_S
    # The bins are more points than the floor's eight, so their line gives the better rate.
    rate = fit([(piece[len(piece) // 2].at_s, mean_bytes(piece)) for piece in part.bins]) or line
    return view.shape(
        Trend.LEAK, clear=clear, growth_per_s=rate.per_s, r_squared=line.r_squared, baseline_bytes=lows[0][1]
    )


def _levels_off(lows: Sequence[tuple[float, float]]) -> bool:
    """
    Return whether the last third of some low points grows more slowly than all of them: by point, which noise disturbs
    less, and by second, because old points are further apart.
    """
    third = lows[-1 - max(1, (len(lows) - 1) // 3) :]
    (grown_s, grown), (late_s, late) = ((part[-1][0] - part[0][0], part[-1][1] - part[0][1]) for part in (lows, third))
    by_point = late / (len(third) - 1) < _LEAK_LATE_SHARE * grown / (len(lows) - 1)
    return by_point and late / late_s < _LEAK_LATE_SHARE * grown / grown_s


def _flat(view: CurveView) -> Shape | None:
    """
    Match a flat curve, perhaps after a warm-up: undersized if it is near the limit, else steady.
    """
    for part in (view, view.second_half):
        if not part.is_sufficient:
            return None
        means = sorted(map(mean_bytes, part.bins))
        cut = len(means) // 20
        if means[-1 - cut] - means[cut] <= part.flat_bytes and not _swings(part):
            limit_bytes = view.limit_bytes
            near = limit_bytes is not None and part.baseline_bytes >= NEAR_LIMIT_SHARE * limit_bytes
            return view.shape(
                Trend.UNDERSIZED if near else Trend.STEADY,
                clear=part is view and view.span_s >= _LONG_S,
                baseline_bytes=part.baseline_bytes,
            )
    return None


def _sawtooth(view: CurveView) -> Shape | None:
    """
    Match a curve that rises slowly and falls at once, again and again.
    """
    for count in (*_RECENT_COUNTS, len(view.points)):
        points = view.points[-count:]
        values = [point.working_set_bytes for point in points]
        turns = turning_points(points, max(view.flat_bytes, _TOOTH_SHARE * (max(values) - min(values))))
        falls_s: list[float] = []
        rises_s: list[float] = []
        for before, after in itertools.pairwise(turns):
            falling = after.working_set_bytes < before.working_set_bytes
            (falls_s if falling else rises_s).append(after.at_s - before.at_s)
        if len(falls_s) < _MIN_TEETH or not rises_s:
            continue
        if statistics.fmean(rises_s) >= _TOOTH_SLANT * statistics.fmean(falls_s):
            clear = len(falls_s) >= _CLEAR_TEETH
            return view.shape(Trend.SAWTOOTH, clear=clear, teeth=len(falls_s), baseline_bytes=min(values))
    return None


_RULES: Final[tuple[Callable[[CurveView], Shape | None], ...]] = (_spike, _cache, _leak, _sawtooth, _flat)
_FIELDS: Final[tuple[Callable[[Point], int], ...]] = (
    lambda point: point.working_set_bytes,
    lambda point: point.anon_bytes,
    lambda point: point.file_bytes,
)


def _level(parts: Sequence[Sequence[Point]], field: Callable[[Point], int]) -> float:
    return statistics.median(field(point) for part in parts for point in part)


def _swings(view: CurveView) -> bool:
    """
    Return whether single samples leave the band that the bins' means stay in.
    """
    values = sorted(point.working_set_bytes for point in view.points)
    cut = len(values) // 20
    return values[-1 - cut] - values[cut] > 2 * view.flat_bytes


def _rise_s(points: Sequence[Point], low_bytes: float) -> float:
    """
    Return the time from the last calm sample before the peak to the peak.
    """
    at = max(range(len(points)), key=lambda index: points[index].working_set_bytes)
    calm = (point.at_s for point in reversed(points[:at]) if point.working_set_bytes <= low_bytes)
    return points[at].at_s - next(calm, points[0].at_s)

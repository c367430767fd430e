"""
The shape of a memory curve: whether it leaks, jumps, saws, stands still, or is only cache.

A curve does not prove what a program does, so no shape is ever certain; where several would fit, or the samples are
few, it is unknown. Each shape has one function that gives it or None; the first that gives one decides.
"""

import itertools
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from collector.memory.curve import bins, fit, floors, mean_bytes, turning_points
from collector.memory.samples import Point
from sinks.event import Confidence

_MIB: Final = 1 << 20
_S_PER_MIN: Final = 60.0
_FEWEST_SAMPLES: Final = 12
# Of a part of a curve that is old, and so thinned out: where the end is sampled closely, seven were left of 34 s.
_FEWEST_RISING: Final = 5
_SHORTEST_S: Final = 20.0
_LONG_S: Final = 300.0
_MANY_SAMPLES: Final = 30
_FLAT_SHARE: Final = 0.08
_FLAT_BYTES: Final = 4 * _MIB
_NEAR_LIMIT_SHARE: Final = 0.85
_AT_LIMIT_SHARE: Final = 0.97
_SPIKE_RISE: Final = 0.3
_SPIKE_TIME_SHARE: Final = 0.2
_SPIKE_REST: Final = 0.3
_LEAK_GROWTH: Final = 0.1
_LEAK_R_SQUARED: Final = 0.85
_LEAK_GOES_ON: Final = 0.6
_LEAK_STEP: Final = 0.5
_CLEAR_R_SQUARED: Final = 0.95
_CACHE_PART: Final = 0.7
_NOT_CACHE_PART: Final = 0.2
_TOOTH_SHARE: Final = 0.35
_FEWEST_TEETH: Final = 3
_MANY_TEETH: Final = 6
_TOOTH_SLANT: Final = 2.0
_RECENT: Final = (60, 120)


class Trend(StrEnum):
    """
    The shapes: `LEAK` grows and gives nothing back; `SPIKE` jumps out of a calm curve; `SAWTOOTH` is a collector at
    work; `UNDERSIZED` stands still near its limit; `CACHE` is file pages that can be dropped.
    """

    LEAK = "leak"
    SPIKE = "spike"
    SAWTOOTH = "sawtooth"
    STEADY = "steady"
    UNDERSIZED = "undersized"
    CACHE = "cache"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """
    What a curve looks like, with the figures that say so.

    Attributes:
        growth_bytes_per_min: of a leak or of a cache.
        r_squared: how well a straight line fits that growth (of a leak: its floor), 0 to 1.
        baseline_bytes: the usual level; of a sawtooth the bottom.
        peak_bytes: the highest sample.
        rise_s: how long a spike took from its baseline to its peak, no shorter than the samples are apart.
        teeth: how often a sawtooth fell.
    """

    trend: Trend
    confidence: Confidence
    samples: int
    span_s: float
    growth_bytes_per_min: float | None = None
    r_squared: float | None = None
    baseline_bytes: int | None = None
    peak_bytes: int | None = None
    rise_s: float | None = None
    teeth: int | None = None


def shape_of(points: Sequence[Point], limit_bytes: int | None) -> Shape:
    """
    The shape of a curve.

    Args:
        points: oldest first; after a kill the last one may be the limit, at the time of the kill.
        limit_bytes: None where there is no limit.
    """
    view = _View(points, limit_bytes)
    if view.carries:
        for rule in _RULES:
            shape = rule(view)
            if shape is not None:
                return shape
    return view.shape(Trend.UNKNOWN, clear=False)


class _View:
    """
    A curve, with what all rules need of it.
    """

    def __init__(self, points: Sequence[Point], limit_bytes: int | None) -> None:
        self.points = points
        self.limit_bytes = limit_bytes
        self.span_s = points[-1].at_s - points[0].at_s if points else 0.0
        self.carries = len(points) >= _FEWEST_SAMPLES and self.span_s >= _SHORTEST_S
        self.peak_bytes = max((point.working_set_bytes for point in points), default=0)
        if points:
            self.bins = bins(points)
            self.baseline_bytes = statistics.median(map(mean_bytes, self.bins))

    @property
    def flat_bytes(self) -> float:
        """
        What a flat curve may vary by.
        """
        return max(_FLAT_BYTES, _FLAT_SHARE * self.baseline_bytes)

    @property
    def half(self) -> "_View":
        """
        The second half of the time: what remains after a warm-up.
        """
        middle_s = self.points[-1].at_s - self.span_s / 2
        return _View([point for point in self.points if point.at_s >= middle_s], self.limit_bytes)

    @property
    def rise(self) -> "_View | None":
        """
        What is below 85 % of the limit, if from there it goes on to the limit, and for no more than twice as long. At
        the limit the kernel takes pages of files back and the program waits for them: how slowly it rises there says
        nothing. For longer no leak waits for its kill.
        """
        if self.limit_bytes is None:
            return None
        near_bytes = _NEAR_LIMIT_SHARE * self.limit_bytes
        head = list(itertools.takewhile(lambda point: point.working_set_bytes < near_bytes, self.points))
        tail = self.points[len(head) :]
        if len(head) < _FEWEST_RISING or len(tail) < _FEWEST_RISING:
            return None
        rise_s = head[-1].at_s - head[0].at_s
        arrives = mean_bytes(tail[-len(tail) // 4 :]) >= _AT_LIMIT_SHARE * self.limit_bytes
        return _View(head, self.limit_bytes) if rise_s >= max(_SHORTEST_S, self.span_s / 3) and arrives else None

    def shape(
        self,
        trend: Trend,
        *,
        clear: bool,
        growth_per_s: float | None = None,
        r_squared: float | None = None,
        rise_s: float | None = None,
        teeth: int | None = None,
        baseline_bytes: float | None = None,
    ) -> Shape:
        """
        The answer: likely where it is clear and the samples are many.
        """
        likely = clear and len(self.points) >= _MANY_SAMPLES
        return Shape(
            trend=trend,
            confidence=Confidence.LIKELY if likely else Confidence.POSSIBLE,
            samples=len(self.points),
            span_s=self.span_s,
            growth_bytes_per_min=growth_per_s * _S_PER_MIN if growth_per_s is not None else None,
            r_squared=r_squared,
            baseline_bytes=int(baseline_bytes) if baseline_bytes is not None else None,
            peak_bytes=self.peak_bytes or None,
            rise_s=rise_s,
            teeth=teeth,
        )


def _spike(view: _View) -> Shape | None:
    """
    A calm curve with short excursions far above it, one at its end among them.
    """
    raised_bytes = view.baseline_bytes + max(_FLAT_BYTES, _SPIKE_RISE * view.baseline_bytes)
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


def _cache(view: _View) -> Shape | None:
    """
    File pages fill the limit, or are what the working set grows by; anonymous memory is not.
    """
    if not any(point.anon_bytes for point in view.points):
        return None
    first, last = view.bins[: len(view.bins) // 6 or 1], view.bins[-(len(view.bins) // 6 or 1) :]
    grown, anon, file = (_level(last, field) - _level(first, field) for field in _FIELDS)
    if grown > view.flat_bytes and file >= _CACHE_PART * grown and anon <= _NOT_CACHE_PART * grown:
        line = fit([(point.at_s, float(point.working_set_bytes)) for point in view.points])
        growth = (line.per_s, line.r_squared) if line is not None else (None, None)
        return view.shape(Trend.CACHE, clear=True, growth_per_s=growth[0], r_squared=growth[1])
    file_bytes, anon_bytes = _level(last, _FIELDS[2]), _level(last, _FIELDS[1])
    filled = view.limit_bytes is not None and file_bytes + anon_bytes >= _NEAR_LIMIT_SHARE * view.limit_bytes
    if filled and file_bytes > anon_bytes and anon <= view.flat_bytes:
        return view.shape(Trend.CACHE, clear=file_bytes > 2 * anon_bytes, baseline_bytes=view.baseline_bytes)
    return None


def _leak(view: _View) -> Shape | None:
    """
    The floor rises all the time, to the end or to the limit.
    """
    rise = view.rise
    return _steady_rise(view, view) or (_steady_rise(rise, view) if rise is not None else None)


def _steady_rise(part: _View, view: _View) -> Shape | None:
    """
    A leak, where the floor of a part of the curve rises all the time: not in one step, and not ever slower.
    """
    lows = floors(part.points)
    line = fit(lows)
    if line is None or line.r_squared < _LEAK_R_SQUARED:
        return None
    grown = lows[-1][1] - lows[0][1]
    if grown < max(_FLAT_BYTES, _LEAK_GROWTH * view.peak_bytes):
        return None
    steps = [after[1] - before[1] for before, after in itertools.pairwise(lows)]
    third = max(1, len(steps) // 3)
    late = sum(steps[-third:]) / third
    if max(steps) > _LEAK_STEP * grown or late < _LEAK_GOES_ON * grown / len(steps):
        return None
    clear = line.r_squared >= _CLEAR_R_SQUARED and part.span_s >= _LONG_S
    rate = fit([(piece[len(piece) // 2].at_s, mean_bytes(piece)) for piece in part.bins]) or line
    return view.shape(
        Trend.LEAK, clear=clear, growth_per_s=rate.per_s, r_squared=line.r_squared, baseline_bytes=lows[0][1]
    )


def _level_curve(view: _View) -> Shape | None:
    """
    Flat, perhaps after a warm-up: undersized where that is near the limit.
    """
    for part in (view, view.half):
        if not part.carries:
            return None
        means = sorted(map(mean_bytes, part.bins))
        cut = len(means) // 20
        if means[-1 - cut] - means[cut] <= part.flat_bytes and not _swings(part):
            limit_bytes = view.limit_bytes
            near = limit_bytes is not None and part.baseline_bytes >= _NEAR_LIMIT_SHARE * limit_bytes
            return view.shape(
                Trend.UNDERSIZED if near else Trend.STEADY,
                clear=part is view and view.span_s >= _LONG_S,
                baseline_bytes=part.baseline_bytes,
            )
    return None


def _sawtooth(view: _View) -> Shape | None:
    """
    It rises slowly and falls at once, again and again; seen best in the newest samples, which are not thinned out.
    """
    for count in (*_RECENT, len(view.points)):
        points = view.points[-count:]
        values = [point.working_set_bytes for point in points]
        turns = turning_points(points, max(view.flat_bytes, _TOOTH_SHARE * (max(values) - min(values))))
        falls_s: list[float] = []
        rises_s: list[float] = []
        for before, after in itertools.pairwise(turns):
            falling = after.working_set_bytes < before.working_set_bytes
            (falls_s if falling else rises_s).append(after.at_s - before.at_s)
        if len(falls_s) < _FEWEST_TEETH or not rises_s:
            continue
        if statistics.fmean(rises_s) >= _TOOTH_SLANT * statistics.fmean(falls_s):
            clear = len(falls_s) >= _MANY_TEETH
            return view.shape(Trend.SAWTOOTH, clear=clear, teeth=len(falls_s), baseline_bytes=min(values))
    return None


_RULES: Final[tuple[Callable[[_View], Shape | None], ...]] = (_spike, _cache, _leak, _sawtooth, _level_curve)
_FIELDS: Final[tuple[Callable[[Point], int], ...]] = (
    lambda point: point.working_set_bytes,
    lambda point: point.anon_bytes,
    lambda point: point.file_bytes,
)


def _level(parts: Sequence[Sequence[Point]], field: Callable[[Point], int]) -> float:
    return statistics.median(field(point) for part in parts for point in part)


def _swings(view: _View) -> bool:
    """
    Whether single samples leave the band that the means stay in.
    """
    values = sorted(point.working_set_bytes for point in view.points)
    cut = len(values) // 20
    return values[-1 - cut] - values[cut] > 2 * view.flat_bytes


def _rise_s(points: Sequence[Point], low_bytes: float) -> float:
    """
    From the last calm sample before the peak to the peak.
    """
    at = max(range(len(points)), key=lambda index: points[index].working_set_bytes)
    calm = (point.at_s for point in reversed(points[:at]) if point.working_set_bytes <= low_bytes)
    return points[at].at_s - next(calm, points[0].at_s)

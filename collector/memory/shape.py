"""
The shape of a memory curve, and the view of a curve that the rules of `classify` work on.
"""

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from collector.memory.curve import bins, mean_bytes
from collector.memory.sample_ring import Point
from sinks.event import Confidence

_MIB: Final = 1 << 20
_S_PER_MIN: Final = 60.0
_MIN_SAMPLES: Final = 12
# Samples of the rise are old and thinned out if the end was sampled closely: seven were left of a rise of 34 s.
_MIN_RISE_SAMPLES: Final = 5
_MIN_SPAN_S: Final = 20.0
_LIKELY_SAMPLES: Final = 30
_FLAT_SHARE: Final = 0.08
_FLAT_BYTES: Final = 4 * _MIB
# From here up the kernel reclaims file pages, and the program waits for it.
NEAR_LIMIT_SHARE: Final = 0.85
_AT_LIMIT_SHARE: Final = 0.97


class Trend(StrEnum):
    """
    The shapes.

    LEAK grows and gives nothing back. SPIKE jumps out of a calm curve. SAWTOOTH rises and falls, as with garbage
    collection. STEADY is flat. UNDERSIZED is flat near the limit. CACHE is file pages that the kernel can drop.
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
    The shape of a curve with the figures behind it.

    Attributes:
        samples: how many samples the curve has.
        span_s: the time from the first sample to the last.
        growth_bytes_per_min: only for LEAK and CACHE.
        r_squared: how well a straight line fits that growth (for LEAK: the growth of the floor), 0 to 1.
        baseline_bytes: the usual level; for SAWTOOTH the bottom.
        peak_bytes: the highest sample.
        rise_s: the time from the baseline to the peak of a SPIKE, at least one sampling interval.
        teeth: how often a SAWTOOTH fell.
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


class CurveView:
    """
    A curve with the figures that several rules need.

    Args:
        points: the samples, oldest first.
        limit_bytes: None if there is no limit.

    Attributes:
        is_sufficient: whether there are enough samples over enough time to name a shape.
        bins: the samples in bins of equal time; only set if there are samples.
        baseline_bytes: the median of the bins' means; only set if there are samples.
    """

    def __init__(self, points: Sequence[Point], limit_bytes: int | None) -> None:
        self.points = points
        self.limit_bytes = limit_bytes
        self.span_s = points[-1].at_s - points[0].at_s if points else 0.0
        self.is_sufficient = len(points) >= _MIN_SAMPLES and self.span_s >= _MIN_SPAN_S
        self.peak_bytes = max((point.working_set_bytes for point in points), default=0)
        if points:
            self.bins = bins(points)
            self.baseline_bytes = statistics.median(map(mean_bytes, self.bins))

    @property
    def flat_bytes(self) -> float:
        """
        The variation that a flat curve may have.
        """
        return max(_FLAT_BYTES, _FLAT_SHARE * self.baseline_bytes)

    @property
    def second_half(self) -> "CurveView":
        """
        The second half of the time: what remains after a warm-up.
        """
        middle_s = self.points[-1].at_s - self.span_s / 2
        return CurveView([point for point in self.points if point.at_s >= middle_s], self.limit_bytes)

    @property
    def rise_to_limit(self) -> "CurveView | None":
        """
        The part below 85 % of the limit, if the curve then goes on to the limit; None if it does not.

        At the limit the kernel reclaims file pages and the program waits, so the slope there says nothing about a
        leak. The part above may last at most twice as long as the rise: no leak waits longer for its kill.
        """
        if self.limit_bytes is None:
            return None
        near_bytes = NEAR_LIMIT_SHARE * self.limit_bytes
        head = list(itertools.takewhile(lambda point: point.working_set_bytes < near_bytes, self.points))
        tail = self.points[len(head) :]
        if len(head) < _MIN_RISE_SAMPLES or len(tail) < _MIN_RISE_SAMPLES:
            return None
        rise_s = head[-1].at_s - head[0].at_s
        arrives = mean_bytes(tail[-len(tail) // 4 :]) >= _AT_LIMIT_SHARE * self.limit_bytes
        return CurveView(head, self.limit_bytes) if rise_s >= max(_MIN_SPAN_S, self.span_s / 3) and arrives else None

    def min_change_bytes(self, share: float, of_bytes: float) -> float:
        """
        Return a share of a level as the smallest change that counts, but never less than noise.
        """
        return max(_FLAT_BYTES, share * of_bytes)

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
        Build a shape of this curve: likely if it is clear and the samples are many, else possible.
        """
        likely = clear and len(self.points) >= _LIKELY_SAMPLES
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

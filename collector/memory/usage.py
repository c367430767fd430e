"""
What a container uses of its memory limit, how fast that grows, and when the limit will be reached.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from collector.facts.memory import MemorySample
from collector.memory.curve import fit
from collector.memory.forecast import forecast
from collector.memory.sample_ring import Point

# The span over which growth is measured.
GROWTH_WINDOW_NS: Final = 600_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUse:
    """
    The memory of one container now.

    Attributes:
        sample: the latest.
        growth_bytes_per_min: within the window; None while there are too few samples.
        limit_in_s: seconds until the limit is reached at this growth; None if it does not clearly grow.
    """

    sample: MemorySample
    growth_bytes_per_min: float | None
    limit_in_s: float | None


def use_of(sample: MemorySample, points: tuple[Point, ...]) -> MemoryUse:
    """
    Return the use of a container.

    Args:
        sample: the latest.
        points: the samples of the window.
    """
    line = fit([(point.at_s, float(point.working_set_bytes)) for point in points])
    ahead = forecast(points, sample.limit_bytes)
    return MemoryUse(
        sample=sample,
        growth_bytes_per_min=line.per_s * 60 if line is not None else None,
        limit_in_s=ahead.seconds if ahead is not None and ahead.latest_s is not None else None,
    )


def sorted_uses(uses: Iterable[MemoryUse]) -> list[MemoryUse]:
    """
    Sort by share of the limit, the largest first. Containers without a limit follow, sorted by size.
    """
    return sorted(uses, key=lambda use: (use.sample.limit_share or 0.0, use.sample.working_set_bytes), reverse=True)

"""
Shapes of generated curves with noise, and of curves that only resemble a shape.
"""

import math
import random
from collections.abc import Callable

import pytest

from collector.memory.classify import shape_of
from collector.memory.sample_ring import Point
from collector.memory.shape import Trend
from sinks.event import Confidence
from tests.unit.collector.memory.curves import MIB, curve, teeth

LIMIT = 512 * MIB
SEEDS = range(1, 11)
Level = Callable[[float], float]


def random_walk(seed: int) -> list[Point]:
    source = random.Random(seed)  # noqa: S311 (noise)
    levels = [200.0]
    while len(levels) < 480:
        levels.append(max(20.0, levels[-1] + source.gauss(0, 6)))
    return curve(lambda share: levels[int(share * 479)], noise_mib=0)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("expected", "level"),
    [
        (Trend.LEAK, lambda t: 100 + 360 * t),
        (Trend.LEAK, lambda t: 100 + 60 * t),
        (Trend.LEAK, lambda t: 80 + 300 * t**1.5),
        (Trend.LEAK, lambda t: 100 + 200 * t + teeth(40, 0, 60)(t)),
        (Trend.LEAK, lambda t: min(100 + 650 * t, 390 + 120 * t)),  # slow near the limit, where the kernel reclaims
        (Trend.LEAK, lambda t: min(100 + 850 * t, 510)),  # at the limit for long before the kill
        (Trend.SPIKE, lambda t: 210 + (390 if t > 0.99 else 0)),
        (Trend.SPIKE, lambda t: 210 + (150 if 0.4 < t < 0.45 else 0)),
        (Trend.SPIKE, lambda t: 100 + (200 if t * 5 % 1.0 > 0.9 else 0)),
        (Trend.SAWTOOTH, teeth(12, 150, 400)),
        (Trend.SAWTOOTH, teeth(4, 150, 250)),
        (Trend.SAWTOOTH, teeth(60, 150, 400)),
        (Trend.STEADY, lambda _: 200),
        (Trend.STEADY, lambda t: 200 + 3 * math.sin(20 * t)),
        (Trend.UNDERSIZED, lambda _: 480),
        (Trend.UNDERSIZED, lambda t: min(470, 100 + 4000 * t)),
    ],
)
def test_each_shape_is_recognized(expected: Trend, level: Level, seed: int) -> None:
    """
    Each shape is recognized by its curve, whatever the noise.
    """
    assert shape_of(curve(level, seed=seed), LIMIT).trend is expected


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("not_this", "level"),
    [
        (Trend.LEAK, lambda t: 100 + 200 * (1 - math.exp(-6 * t))),  # a warm-up that ends
        (Trend.LEAK, lambda t: 100 + 90 * math.log1p(9 * t)),  # ever slower
        (Trend.LEAK, lambda t: min(100 + 650 * t, 450)),  # a warm-up that ends near the limit
        (Trend.LEAK, lambda t: min(100 + 2000 * t, 430 + 80 * t)),  # the same, and most of its time there
        (Trend.LEAK, lambda t: 100 if t < 0.6 else 250),  # one step: another configuration, more users
        (Trend.LEAK, lambda t: 200 + 100 * math.sin(2 * math.pi * t)),  # a day's load
        (Trend.SPIKE, lambda t: 100 + 300 * t),  # the top of a slope
        (Trend.SPIKE, lambda t: 100 if t < 0.7 else 300),  # it stays up
        (Trend.SAWTOOTH, lambda t: 250 + 100 * math.sin(40 * t)),  # falls as slowly as it rises
        (Trend.SAWTOOTH, lambda t: 250 + 100 * (1 - t * 12 % 1.0)),  # jumps up and falls slowly
        (Trend.STEADY, lambda t: 200 + 100 * math.sin(40 * t)),
        (Trend.UNDERSIZED, lambda t: 100 + 400 * t),  # near the limit only at its end
    ],
)
def test_look_alikes_are_not_mistaken_for_a_shape(not_this: Trend, level: Level, seed: int) -> None:
    """
    A curve that only resembles a shape is not classified as that shape.
    """
    assert shape_of(curve(level, seed=seed), LIMIT).trend is not not_this


def test_a_random_walk_is_seldom_a_likely_shape() -> None:
    """
    Accumulated noise passes for a likely shape in at most one case of twenty.
    """
    found = [shape_of(random_walk(seed), None) for seed in range(100)]
    clear = [one for one in found if one.confidence is Confidence.LIKELY and one.trend is not Trend.STEADY]
    assert len(clear) <= 5


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("noise_mib", "growth_mib"), [(1.0, 100), (10.0, 200), (20.0, 360)])
def test_the_rate_of_a_leak(noise_mib: float, growth_mib: int, seed: int) -> None:
    """
    Over forty minutes the fitted growth is right to a tenth.
    """
    found = shape_of(curve(lambda t: 100 + growth_mib * t, noise_mib=noise_mib, seed=seed), LIMIT)
    assert found.trend is Trend.LEAK
    assert found.growth_bytes_per_min == pytest.approx(growth_mib / 40 * MIB, rel=0.1)
    assert found.r_squared is not None
    assert found.r_squared > 0.9


def test_the_rise_of_a_spike() -> None:
    """
    One request takes the memory from 210 to 600 MiB; the kill at the limit is the last point.
    """
    points = curve(lambda _: 210, every_s=1.0, span_s=120)
    points.append(Point(at_s=points[-1].at_s + 0.8, working_set_bytes=600 * MIB))
    found = shape_of(points, 600 * MIB)
    assert (found.trend, found.peak_bytes) == (Trend.SPIKE, 600 * MIB)
    assert found.rise_s == pytest.approx(0.8)
    assert found.baseline_bytes == pytest.approx(210 * MIB, rel=0.02)


@pytest.mark.parametrize("seed", SEEDS)
def test_growth_by_file_pages_is_cache(seed: int) -> None:
    """
    A program that reads large files grows by active file pages, which is cache.
    """
    found = shape_of(curve(lambda t: 60 + 300 * t, file=lambda t: 10 + 310 * t, seed=seed), LIMIT)
    assert found.trend is Trend.CACHE


def test_a_limit_full_of_file_pages_is_cache() -> None:
    """
    File pages that were read once are inactive and not in the working set, but they count as cache.
    """
    found = shape_of(curve(lambda _: 60, file=lambda t: min(460.0, 2000 * t)), LIMIT)
    assert found.trend is Trend.CACHE


def test_growth_of_anonymous_and_file_pages_is_a_leak() -> None:
    """
    A leak that also writes a log grows in its anonymous part too.
    """
    found = shape_of(curve(lambda t: 100 + 300 * t, file=lambda t: 10 + 150 * t), LIMIT)
    assert found.trend is Trend.LEAK


@pytest.mark.parametrize("count", [0, 1, 2, 11])
def test_too_few_samples_have_no_shape(count: int) -> None:
    """
    The shape is unknown with few samples, and with many samples of only a few seconds.
    """
    assert shape_of(curve(lambda t: 100 + 300 * t)[:count], LIMIT).trend is Trend.UNKNOWN
    assert shape_of(curve(lambda t: 100 + 300 * t, span_s=10, every_s=0.1), LIMIT).trend is Trend.UNKNOWN


def test_few_samples_are_only_possible() -> None:
    """
    Twenty samples of a plain leak give a possible leak, not a likely one.
    """
    found = shape_of(curve(lambda t: 100 + 300 * t, span_s=400, every_s=20), LIMIT)
    assert (found.trend, found.confidence) == (Trend.LEAK, Confidence.POSSIBLE)


def test_a_leak_that_waits_at_its_limit_is_recognized_by_few_samples_of_its_rise() -> None:
    """
    The dense samples of the wait at the limit have thinned out those of the rise; five of them are enough.
    """
    points = curve(lambda t: min(100 + 850 * t, 510), noise_mib=0)
    rise = [point for point in points if point.working_set_bytes < 0.85 * LIMIT]
    wait = points[len(rise) :]
    assert shape_of([*rise[:: len(rise) // 4], *wait], LIMIT).trend is Trend.LEAK
    assert shape_of([rise[0], rise[-1], *wait], LIMIT).trend is not Trend.LEAK


def test_a_steady_rise_may_be_sampled_ever_more_closely() -> None:
    """
    Old samples are further apart, so the last ones differ by less. Their growth in a second is the same.
    """
    points = curve(lambda t: min(20 + 980 * t, 510), noise_mib=0)
    rise = [point for point in points if point.working_set_bytes < 0.85 * LIMIT]
    kept = [rise[int(len(rise) * share)] for share in (0, 0.31, 0.53, 0.64, 0.74, 0.83, 0.9, 0.95, 0.99)]
    assert shape_of([*kept, *points[len(rise) :]], LIMIT).trend is Trend.LEAK

"""
Generate memory curves: a level in MiB as a function of the elapsed share of the time, plus seeded noise.
"""

import random
from collections.abc import Callable

from collector.memory.sample_ring import Point

MIB = 1 << 20


def curve(
    level: Callable[[float], float],
    *,
    span_s: float = 2400.0,
    every_s: float = 5.0,
    noise_mib: float = 2.0,
    seed: int = 1,
    file: Callable[[float], float] = lambda _: 10.0,
) -> list[Point]:
    """
    Return points whose working set is `level` plus noise, all anonymous except `file` (both in MiB).
    """
    source = random.Random(seed)  # noqa: S311 (noise)
    count = int(span_s / every_s)
    points = []
    for index in range(count):
        share = index / (count - 1)
        mib = max(0.0, level(share) + source.gauss(0, noise_mib))
        cached = file(share)
        points.append(
            Point(
                at_s=1.7e9 + index * every_s * (1 + source.uniform(-0.05, 0.05) / count),
                working_set_bytes=int(mib * MIB),
                anon_bytes=int(max(1.0, mib - cached) * MIB),
                file_bytes=int(cached * MIB),
            )
        )
    return points


def teeth(count: int, bottom: float, top: float) -> Callable[[float], float]:
    """
    Return a sawtooth: `count` slow rises, each with a sudden fall.
    """
    return lambda share: bottom + (top - bottom) * (share * count % 1.0)

"""
Keep the memory curve of one container over days in 20 KB: all of the newest samples, fewer of the older ones.

Samples are kept in tiers. When a tier is full, the lowest and the highest of its four oldest samples move on to the
next tier, and the other two are dropped. So each tier is half as dense as the one before and reaches twice as far
back. What remains are real samples at their own times: an old spike keeps its height and a sawtooth its teeth.
"""

from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Final

from collector.facts.memory import MemorySample

_TIERS: Final = 12
_TIER_SAMPLES: Final = 60
_GROUP: Final = 4
_FIELDS: Final = 4
# The fields of a sample in a tier: time, working set, anonymous, file.
_WORKING_SET: Final = 1
_UNIT_BYTES: Final = 4096
_MS_PER_TICK: Final = 10
_NS_PER_TICK: Final = _MS_PER_TICK * 1_000_000
_NS_PER_S: Final = 1_000_000_000
# Fields are 32 bits wide: enough for 16 TiB in pages, or for 497 days in ticks.
_MAX_FIELD: Final = (1 << 32) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """
    One sample of a curve.

    Attributes:
        at_s: seconds since 1970.
        working_set_bytes: rounded down to 4 KiB, as the other sizes.
        anon_bytes: 0 if the kernel does not report it.
        file_bytes: 0 if the kernel does not report it.
    """

    at_s: float
    working_set_bytes: int
    anon_bytes: int = 0
    file_bytes: int = 0


class SampleRing:
    """
    The samples of one container, in constant memory.

    Attributes:
        latest: the newest sample with all its fields.
        previous: the sample before it with all its fields.
        first_ns: the time of the first sample; kept when the sample is dropped.
        peak_bytes: the highest sampled working set.
    """

    def __init__(self) -> None:
        self._tiers = [array("I") for _ in range(_TIERS)]
        self.latest: MemorySample | None = None
        self.previous: MemorySample | None = None
        self.first_ns = 0
        self.peak_bytes = 0

    def __len__(self) -> int:
        return sum(len(tier) for tier in self._tiers) // _FIELDS

    def add(self, sample: MemorySample) -> None:
        """
        Add a sample; if it is older than the latest one (the clock was set back), it gets the time of the latest.
        """
        if self.latest is None:
            self.first_ns = sample.at_ns
        self.previous, self.latest = self.latest, sample
        self.peak_bytes = max(self.peak_bytes, sample.working_set_bytes)
        newest = self._tiers[0]
        floor = newest[-_FIELDS] if newest else 0
        newest.append(min(_MAX_FIELD, max(floor, (sample.at_ns - self.first_ns) // _NS_PER_TICK)))
        for size in (sample.working_set_bytes, sample.anon_bytes, sample.file_bytes):
            newest.append(min(_MAX_FIELD, (size or 0) // _UNIT_BYTES))
        self._thin_out()

    def latest_until(self, at_ns: int) -> MemorySample | None:
        """
        Return the newer of the last two samples that is not after a time; the older one if both are.
        """
        if self.latest is not None and self.latest.at_ns > at_ns and self.previous is not None:
            return self.previous
        return self.latest

    def ends(self, since_ns: int, until_ns: int) -> tuple[Point, Point] | None:
        """
        Return the first and the last sample of a time; None if there is none. Cheaper than `points`.
        """
        first, last = None, None
        since_tick, until_tick = (max(-1, (at_ns - self.first_ns) // _NS_PER_TICK) for at_ns in (since_ns, until_ns))
        for tier in self._tiers:
            starts = range(0, len(tier), _FIELDS)
            low = bisect_left(starts, since_tick, key=tier.__getitem__)
            high = bisect_right(starts, until_tick, key=tier.__getitem__)
            if low < high:
                first = self._point(tier, starts[low])
                last = last or self._point(tier, starts[high - 1])
        return (first, last) if first is not None and last is not None else None

    def points(self, since_ns: int = 0) -> tuple[Point, ...]:
        """
        Return the samples that are left, oldest first.

        Args:
            since_ns: return only samples from this time on.
        """
        return tuple(
            point for tier in reversed(self._tiers) for point in self._read(tier) if point.at_s >= since_ns / _NS_PER_S
        )

    def _read(self, tier: "array[int]") -> list[Point]:
        return [self._point(tier, at) for at in range(0, len(tier), _FIELDS)]

    def _point(self, tier: "array[int]", at: int) -> Point:
        return Point(
            at_s=(self.first_ns + tier[at] * _NS_PER_TICK) / _NS_PER_S,
            working_set_bytes=tier[at + 1] * _UNIT_BYTES,
            anon_bytes=tier[at + 2] * _UNIT_BYTES,
            file_bytes=tier[at + 3] * _UNIT_BYTES,
        )

    def _thin_out(self) -> None:
        """
        Move the oldest samples of full tiers to the next tier; those of the last tier are dropped.
        """
        for index, tier in enumerate(self._tiers):
            if len(tier) <= _TIER_SAMPLES * _FIELDS:
                return
            kept = _lowest_and_highest(tier)
            del tier[: _GROUP * _FIELDS]
            if index + 1 < _TIERS:
                self._tiers[index + 1].extend(kept)


def _lowest_and_highest(tier: "array[int]") -> "array[int]":
    """
    Return the lowest and the highest of the four oldest samples of a tier, in order of time.
    """
    starts = range(0, _GROUP * _FIELDS, _FIELDS)
    lowest = min(starts, key=lambda at: tier[at + _WORKING_SET])
    highest = max(starts, key=lambda at: (tier[at + _WORKING_SET], at))
    if lowest == highest:
        lowest, highest = starts[0], starts[-1]
    first, second = sorted((lowest, highest))
    return tier[first : first + _FIELDS] + tier[second : second + _FIELDS]

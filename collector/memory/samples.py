"""
The memory of one container over days, in 20 KB: the newest samples all, older ones thinned out.

Samples stand in tiers. When a tier is full, of its four oldest samples the lowest and the highest move on to the next
tier, so that each tier is half as dense as the one before and reaches twice as far back. What remains are real
samples at their own times: a spike of yesterday is still as high, and a sawtooth keeps its teeth.
"""

from array import array
from dataclasses import dataclass
from typing import Final

from collector.correlate.memory_facts import MemorySample

_TIERS: Final = 12
_TIER_SAMPLES: Final = 60
_GROUP: Final = 4
_FIELDS: Final = 4
# Of the fields of a sample: its time, then three sizes.
_WORKING_SET: Final = 1
_UNIT_BYTES: Final = 4096
_MS_PER_TICK: Final = 10
_NS_PER_TICK: Final = _MS_PER_TICK * 1_000_000
_NS_PER_S: Final = 1_000_000_000
_LARGEST: Final = (1 << 32) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """
    One sample of a curve.

    Attributes:
        at_s: seconds since 1970.
        working_set_bytes: to 4 KiB; so the others, which are 0 where the kernel does not tell.
    """

    at_s: float
    working_set_bytes: int
    anon_bytes: int = 0
    file_bytes: int = 0


class SampleRing:
    """
    The samples of one container; the agent's memory does not grow with their number.

    Attributes:
        latest: the newest sample, whole; so with `previous`, the one before.
        first_ns: when the first was taken; never forgotten.
        peak_bytes: the highest working set that was sampled.
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
        Keep a sample; one that is older than the latest (the clock was set back) takes the latest's time.
        """
        if self.latest is None:
            self.first_ns = sample.at_ns
        self.previous, self.latest = self.latest, sample
        self.peak_bytes = max(self.peak_bytes, sample.working_set_bytes)
        newest = self._tiers[0]
        floor = newest[-_FIELDS] if newest else 0
        newest.append(min(_LARGEST, max(floor, (sample.at_ns - self.first_ns) // _NS_PER_TICK)))
        for size in (sample.working_set_bytes, sample.anon_bytes, sample.file_bytes):
            newest.append(min(_LARGEST, (size or 0) // _UNIT_BYTES))
        self._overflow()

    def latest_until(self, at_ns: int) -> MemorySample | None:
        """
        The newest sample that is whole and not younger than a moment; the oldest such where all are younger.
        """
        if self.latest is not None and self.latest.at_ns > at_ns and self.previous is not None:
            return self.previous
        return self.latest

    def points(self, since_ns: int = 0) -> tuple[Point, ...]:
        """
        The samples that remain, oldest first.

        Args:
            since_ns: only those from then on.
        """
        return tuple(
            point for tier in reversed(self._tiers) for point in self._read(tier) if point.at_s >= since_ns / _NS_PER_S
        )

    def _read(self, tier: "array[int]") -> list[Point]:
        return [
            Point(
                at_s=(self.first_ns + tier[at] * _NS_PER_TICK) / _NS_PER_S,
                working_set_bytes=tier[at + 1] * _UNIT_BYTES,
                anon_bytes=tier[at + 2] * _UNIT_BYTES,
                file_bytes=tier[at + 3] * _UNIT_BYTES,
            )
            for at in range(0, len(tier), _FIELDS)
        ]

    def _overflow(self) -> None:
        """
        Move the oldest samples of full tiers on; from the last tier they are gone.
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
    Of the first group of a tier, these two samples in the order of their times.
    """
    starts = range(0, _GROUP * _FIELDS, _FIELDS)
    lowest = min(starts, key=lambda at: tier[at + _WORKING_SET])
    highest = max(starts, key=lambda at: (tier[at + _WORKING_SET], at))
    if lowest == highest:
        lowest, highest = starts[0], starts[-1]
    first, second = sorted((lowest, highest))
    return tier[first : first + _FIELDS] + tier[second : second + _FIELDS]

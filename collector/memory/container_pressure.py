"""
Warnings about one container: its memory compared with its limit, its growth, its stalls and its swap.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from collector.facts.memory import MemorySample
from collector.memory.forecast import Forecast, forecast
from collector.memory.latch import Level
from collector.memory.pressure import PressureAlert, PressureKind, PressureLatches
from collector.memory.sample_ring import Point

_MIB: Final = 1 << 20
# Forecasts use the samples of this time.
WINDOW_S: Final = 600.0
# A warning is of use while there is still time to act.
_HORIZON_S: Final = 1800.0
# While most of the limit is free, growth may just be the program starting.
_FORECAST_FROM_SHARE: Final = 0.25
# A forecast fits a line through all samples of ten minutes, too much work for each sample.
_FORECAST_EVERY_NS: Final = 10_000_000_000
_BUCKETS: Final = 6
_BUCKET_NS: Final = 120_000_000_000
_SUDDEN_GROWTH_BYTES: Final = 256 * _MIB


class _RecentMinimum:
    """
    The lowest value of the last ten to twelve minutes, kept as one minimum for each two minutes.
    """

    def __init__(self) -> None:
        self._minima: deque[tuple[int, int]] = deque(maxlen=_BUCKETS)
        self.lowest_bytes = 0

    def add(self, value_bytes: int, now_ns: int) -> None:
        """
        Take a value.
        """
        bucket = now_ns // _BUCKET_NS
        if self._minima and self._minima[-1][0] == bucket:
            self._minima[-1] = (bucket, min(value_bytes, self._minima[-1][1]))
        else:
            self._minima.append((bucket, value_bytes))
        self.lowest_bytes = min(low for at, low in self._minima if at > bucket - _BUCKETS)


class ContainerPressure:
    """
    The warnings about one container.
    """

    def __init__(self) -> None:
        self._latches = PressureLatches()
        self._minimum = _RecentMinimum()
        self._forecast: Forecast | None = None
        self._next_forecast_ns = 0

    def restore(self, kind: PressureKind, level: Level, since_ns: int) -> None:
        """
        Continue a warning that was raised before a restart of the agent.
        """
        self._latches.restore(kind, level, since_ns)

    def feed(self, sample: MemorySample, recent: Callable[[], Sequence[Point]], now_ns: int) -> list[PressureAlert]:
        """
        Take a sample; return the warnings that were raised or resolved.

        Args:
            sample: the latest sample.
            recent: returns the samples of the last ten minutes, this one included, oldest first; only called if a
                forecast is worth its cost.
            now_ns: a monotonic clock.
        """
        self._minimum.add(sample.working_set_bytes, now_ns)
        self._update_forecast(sample, recent, now_ns)
        growth_bytes = self._sudden_growth_bytes(sample)
        values = {
            PressureKind.LIMIT: sample.limit_share,
            PressureKind.GROWTH: growth_bytes / _SUDDEN_GROWTH_BYTES if growth_bytes is not None else None,
            PressureKind.FORECAST: _urgency(sample, self._forecast),
            PressureKind.STALL: _stall_percent(sample),
            PressureKind.SWAP: _swap_share(sample),
        }
        return [
            PressureAlert(
                kind=change.kind,
                level=change.level,
                value=values[change.kind],
                at_ns=sample.at_ns,
                since_ns=change.since_ns,
                sample=sample,
                growth_bytes=growth_bytes,
                forecast=self._forecast,
            )
            for change in self._latches.update(values, sample.at_ns, now_ns)
        ]

    def _update_forecast(self, sample: MemorySample, recent: Callable[[], Sequence[Point]], now_ns: int) -> None:
        if now_ns < self._next_forecast_ns:
            return
        grown_bytes = sample.working_set_bytes - self._minimum.lowest_bytes
        self._forecast = forecast(recent(), sample.limit_bytes) if _may_reach_limit(sample, grown_bytes) else None
        self._next_forecast_ns = now_ns + _FORECAST_EVERY_NS

    def _sudden_growth_bytes(self, sample: MemorySample) -> int | None:
        """
        Return the growth of the working set in ten minutes; None if the working set has not doubled.
        """
        lowest_bytes = self._minimum.lowest_bytes
        doubled = sample.working_set_bytes >= 2 * lowest_bytes > 0
        return sample.working_set_bytes - lowest_bytes if doubled else None


def _may_reach_limit(sample: MemorySample, grown_bytes: int) -> bool:
    """
    Return whether the growth of ten minutes, doubled as a margin, would reach the limit within the horizon.
    """
    if sample.limit_bytes is None:
        return False
    return 2 * grown_bytes * _HORIZON_S / WINDOW_S >= sample.limit_bytes - sample.working_set_bytes


def _urgency(sample: MemorySample, ahead: Forecast | None) -> float | None:
    """
    Return the horizon divided by the time to the limit; None if the growth is doubtful or most of the limit is free.
    """
    share = sample.limit_share
    if ahead is None or ahead.latest_s is None or share is None or share < _FORECAST_FROM_SHARE:
        return None
    return _HORIZON_S / max(1.0, ahead.seconds)


def _stall_percent(sample: MemorySample) -> float | None:
    if sample.pressure is None or sample.pressure.full is None:
        return None
    return sample.pressure.full.avg10_percent


def _swap_share(sample: MemorySample) -> float | None:
    if not sample.swap_bytes:
        return None
    return sample.swap_bytes / (sample.swap_bytes + sample.working_set_bytes)

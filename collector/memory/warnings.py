"""
Warnings before a death: each container against its limit, and all of them against the host.

Every warning is a number with thresholds (`latch`): told when it rises, told when it has passed, and not in between.
What a container's end does to its warnings is nothing: its death is told elsewhere.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from collector.correlate.memory_facts import MemorySample
from collector.memory.forecast import Forecast, forecast
from collector.memory.latch import Latch, Level, Thresholds
from collector.memory.samples import Point
from parsers.meminfo import HostMemory

_MIB: Final = 1 << 20
WINDOW_S: Final = 600.0
_HORIZON_S: Final = 1800.0
_FORECAST_FROM_SHARE: Final = 0.25
_FORECAST_EVERY_NS: Final = 10_000_000_000
_LOWS: Final = 6
_LOW_NS: Final = 120_000_000_000
_SUDDEN_GROWTH_BYTES: Final = 256 * _MIB


class PressureKind(StrEnum):
    """
    What a warning is about. The value that is compared:

    LIMIT: working set by limit. GROWTH: growth in ten minutes by 256 MiB, where the working set doubled in that time.
    FORECAST: half an hour by the time to the limit. STALL: percent of the last 10 s in which all tasks waited for
    memory. SWAP: the swapped part of working set and swap. HOST_MEMORY: the sum of working sets by the host's memory.
    HOST_LIMITS: the sum of limits by the same.
    """

    LIMIT = "limit"
    GROWTH = "growth"
    FORECAST = "forecast"
    STALL = "stall"
    SWAP = "swap"
    HOST_MEMORY = "host_memory"
    HOST_LIMITS = "host_limits"


THRESHOLDS: Final[Mapping[PressureKind, Thresholds]] = {
    PressureKind.LIMIT: Thresholds(warning=0.75, critical=0.90),
    PressureKind.GROWTH: Thresholds(warning=1.0, clear_share=0.5, clear_after_s=300.0),
    PressureKind.FORECAST: Thresholds(warning=1.0, critical=6.0, clear_share=0.5, clear_after_s=120.0),
    PressureKind.STALL: Thresholds(warning=10.0, critical=40.0, clear_share=0.5),
    PressureKind.SWAP: Thresholds(warning=0.25, critical=0.5, clear_share=0.8, clear_after_s=300.0),
    PressureKind.HOST_MEMORY: Thresholds(warning=0.85, critical=0.95),
    PressureKind.HOST_LIMITS: Thresholds(warning=1.0001, clear_share=0.99),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLoad:
    """
    All containers against the host.

    Attributes:
        limits_bytes: the sum of the limits of those that have one; a limit that several share counts once.
        unlimited: how many have none.
    """

    total_bytes: int
    working_sets_bytes: int
    limits_bytes: int
    containers: int
    unlimited: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """
    A warning rose or has passed.

    Attributes:
        level: now.
        value: what was compared (see PressureKind); None where it is not known any more.
        sample: the container's; None for one about the host.
        since_ns: when the warning first rose, on the clock of `at_ns`.
        load: of the host, for one about the host.
    """

    kind: PressureKind
    level: Level
    value: float | None
    at_ns: int
    since_ns: int
    sample: MemorySample | None = None
    growth_bytes: int | None = None
    forecast: Forecast | None = None
    load: HostLoad | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """
    A latch that has something to tell; `since_ns` is when it first rose, wall clock.
    """

    kind: PressureKind
    level: Level
    since_ns: int


class _Latches:
    """
    The latches of one container or of the host, made when a value first needs one: most never do.
    """

    def __init__(self) -> None:
        self._latches: dict[PressureKind, Latch] = {}
        self._since_ns: dict[PressureKind, int] = {}

    def take_up(self, kind: PressureKind, level: Level, since_ns: int) -> None:
        """
        Go on with a warning that was told before the agent was last stopped.
        """
        self._latches[kind] = Latch(THRESHOLDS[kind], level)
        self._since_ns[kind] = since_ns

    def update(self, values: Mapping[PressureKind, float | None], at_ns: int, now_ns: int) -> list[_Change]:
        """
        Take the values of one moment; gives what changed.
        """
        changes: list[_Change] = []
        for kind, value in values.items():
            latch = self._latches.get(kind)
            if latch is None:
                if value is None or value < THRESHOLDS[kind].warning:
                    continue
                latch = self._latches[kind] = Latch(THRESHOLDS[kind])
            if latch.level is Level.RESOLVED:
                self._since_ns[kind] = at_ns
            level = latch.update(value, now_ns)
            if level is not None:
                changes.append(_Change(kind=kind, level=level, since_ns=self._since_ns[kind]))
        return changes


class _Lows:
    """
    The lowest value of the last ten to twelve minutes, in six numbers.
    """

    def __init__(self) -> None:
        self._lows: deque[tuple[int, int]] = deque(maxlen=_LOWS)
        self.lowest_bytes = 0

    def add(self, value_bytes: int, now_ns: int) -> None:
        """
        Take a value.
        """
        bucket = now_ns // _LOW_NS
        if self._lows and self._lows[-1][0] == bucket:
            self._lows[-1] = (bucket, min(value_bytes, self._lows[-1][1]))
        else:
            self._lows.append((bucket, value_bytes))
        self.lowest_bytes = min(low for at, low in self._lows if at > bucket - _LOWS)


class PressureWatch:
    """
    The warnings of one container.
    """

    def __init__(self) -> None:
        self._latches = _Latches()
        self._lows = _Lows()
        self._ahead: Forecast | None = None
        self._forecast_ns = 0

    def take_up(self, kind: PressureKind, level: Level, since_ns: int) -> None:
        """
        Go on with a warning that was told before the agent was last stopped.
        """
        self._latches.take_up(kind, level, since_ns)

    def feed(self, sample: MemorySample, recent: Callable[[], Sequence[Point]], now_ns: int) -> list[Alarm]:
        """
        Take a sample; gives the warnings that rose or passed.

        Args:
            sample: the latest.
            recent: gives the samples of the last ten minutes, this one among them, oldest first; only asked where a
                forecast is worth its cost.
            now_ns: a clock that only goes forward.
        """
        self._lows.add(sample.working_set_bytes, now_ns)
        self._look_ahead(sample, recent, now_ns)
        growth_bytes = self._sudden_growth_bytes(sample)
        values = {
            PressureKind.LIMIT: sample.limit_share,
            PressureKind.GROWTH: growth_bytes / _SUDDEN_GROWTH_BYTES if growth_bytes is not None else None,
            PressureKind.FORECAST: _urgency(sample, self._ahead),
            PressureKind.STALL: _stall_percent(sample),
            PressureKind.SWAP: _swap_share(sample),
        }
        return [
            Alarm(
                kind=change.kind,
                level=change.level,
                value=values[change.kind],
                at_ns=sample.at_ns,
                since_ns=change.since_ns,
                sample=sample,
                growth_bytes=growth_bytes,
                forecast=self._ahead,
            )
            for change in self._latches.update(values, sample.at_ns, now_ns)
        ]

    def _look_ahead(self, sample: MemorySample, recent: Callable[[], Sequence[Point]], now_ns: int) -> None:
        if now_ns < self._forecast_ns:
            return
        grown_bytes = sample.working_set_bytes - self._lows.lowest_bytes
        self._ahead = forecast(recent(), sample.limit_bytes) if _may_arrive(sample, grown_bytes) else None
        self._forecast_ns = now_ns + _FORECAST_EVERY_NS

    def _sudden_growth_bytes(self, sample: MemorySample) -> int | None:
        """
        How much the working set has grown in ten minutes, where it has at least doubled.
        """
        lowest_bytes = self._lows.lowest_bytes
        doubled = sample.working_set_bytes >= 2 * lowest_bytes > 0
        return sample.working_set_bytes - lowest_bytes if doubled else None


class HostWatch:
    """
    The warnings about the host.
    """

    def __init__(self) -> None:
        self._latches = _Latches()

    def take_up(self, kind: PressureKind, level: Level, since_ns: int) -> None:
        """
        Go on with a warning that was told before the agent was last stopped.
        """
        self._latches.take_up(kind, level, since_ns)

    def feed(self, samples: Iterable[MemorySample], host: HostMemory | None, at_ns: int, now_ns: int) -> list[Alarm]:
        """
        Take what all containers use; gives the warnings that rose or passed.

        Args:
            samples: the latest of each container.
            host: None or without a total where /proc does not tell: then nothing is compared.
            at_ns: the wall clock.
            now_ns: a clock that only goes forward.
        """
        load = host_load(samples, host)
        if load is None:
            return []
        values = {
            PressureKind.HOST_MEMORY: load.working_sets_bytes / load.total_bytes,
            PressureKind.HOST_LIMITS: load.limits_bytes / load.total_bytes,
        }
        return [
            Alarm(
                kind=change.kind,
                level=change.level,
                value=values[change.kind],
                at_ns=at_ns,
                since_ns=change.since_ns,
                load=load,
            )
            for change in self._latches.update(values, at_ns, now_ns)
        ]


def host_load(samples: Iterable[MemorySample], host: HostMemory | None) -> HostLoad | None:
    """
    The sums over all containers; None where the host's memory is not known.
    """
    if host is None or not host.total_bytes:
        return None
    found = list(samples)
    limits = {sample.limit_cgroup: sample.limit_bytes for sample in found if sample.limit_bytes is not None}
    return HostLoad(
        total_bytes=host.total_bytes,
        working_sets_bytes=sum(sample.working_set_bytes for sample in found),
        limits_bytes=sum(limits.values()),
        containers=len(found),
        unlimited=sum(sample.limit_bytes is None for sample in found),
    )


def _may_arrive(sample: MemorySample, grown_bytes: int) -> bool:
    """
    Whether it grew so much in ten minutes that it could be at its limit within the horizon, with a margin.
    """
    if sample.limit_bytes is None:
        return False
    return 2 * grown_bytes * _HORIZON_S / WINDOW_S >= sample.limit_bytes - sample.working_set_bytes


def _urgency(sample: MemorySample, ahead: Forecast | None) -> float | None:
    """
    Only of growth that is beyond doubt, and not while most of the limit is free.
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

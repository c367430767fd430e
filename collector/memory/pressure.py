"""
Warnings about memory: their kinds, their thresholds, and the alert that says that one was raised or resolved.

Each warning compares a number with thresholds (`latch`). It is reported when it rises and when it is resolved, and
not in between. The end of a container does not resolve its warnings: its death is published instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from collector.facts.memory import MemorySample
from collector.memory.forecast import Forecast
from collector.memory.latch import Latch, Level, Thresholds


class PressureKind(StrEnum):
    """
    What a warning is about, and the value that is compared.

    LIMIT: working set / limit. GROWTH: growth in ten minutes / 256 MiB, if the working set doubled in that time.
    FORECAST: half an hour / time to the limit. STALL: percent of the last 10 s in which all tasks waited for memory.
    SWAP: swap / (working set + swap). HOST_MEMORY: sum of the working sets / memory of the host. HOST_LIMITS: sum of
    the limits / memory of the host.
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
    # Limits that add up to exactly the host's memory are not overcommitted.
    PressureKind.HOST_LIMITS: Thresholds(warning=1.0001, clear_share=0.99),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLoad:
    """
    The memory of all containers compared with that of the host.

    Attributes:
        limits_bytes: the sum of all limits; a limit that several containers share counts once.
        unlimited: how many containers have no limit.
    """

    total_bytes: int
    working_sets_bytes: int
    limits_bytes: int
    containers: int
    unlimited: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PressureAlert:
    """
    A warning was raised or resolved.

    Attributes:
        level: the new level.
        value: the compared value (see PressureKind); None if it is no longer known.
        sample: the container's latest sample; None for a warning about the host.
        since_ns: when the warning was first raised, wall clock as `at_ns`.
        load: the load of the host, for a warning about the host.
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
class LevelChange:
    """
    A new level of one warning; `since_ns` is when the warning was first raised, wall clock.
    """

    kind: PressureKind
    level: Level
    since_ns: int


class PressureLatches:
    """
    The latches of one container or of the host, each created at the first value that needs it: most never are.
    """

    def __init__(self) -> None:
        self._latches: dict[PressureKind, Latch] = {}
        self._since_ns: dict[PressureKind, int] = {}

    def restore(self, kind: PressureKind, level: Level, since_ns: int) -> None:
        """
        Continue a warning that was raised before a restart of the agent.
        """
        self._latches[kind] = Latch(THRESHOLDS[kind], level)
        self._since_ns[kind] = since_ns

    def update(self, values: Mapping[PressureKind, float | None], at_ns: int, now_ns: int) -> list[LevelChange]:
        """
        Take one value of each kind; return the changes of level.

        Args:
            values: by kind; None if the value is unknown.
            at_ns: the wall clock.
            now_ns: a monotonic clock.
        """
        changes: list[LevelChange] = []
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
                changes.append(LevelChange(kind=kind, level=level, since_ns=self._since_ns[kind]))
        return changes

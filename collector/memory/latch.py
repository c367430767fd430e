"""
A warning with hysteresis: raised at a threshold, resolved only after the value has stayed well below it for a while.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_NS_PER_S: Final = 1_000_000_000


class Level(StrEnum):
    """
    The severity of a warning; `RESOLVED` while there is none.
    """

    RESOLVED = "resolved"
    WARNING = "warning"
    CRITICAL = "critical"


_RANKS: Final = {Level.RESOLVED: 0, Level.WARNING: 1, Level.CRITICAL: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """
    The values at which a warning is raised, becomes critical and is resolved.

    Attributes:
        warning: a value from here up is a warning.
        critical: a value from here up is critical; None if a warning never becomes critical.
        clear_share: a value below this share of the threshold counts as calm.
        clear_after_s: a level is left after the value has been calm for this long.
    """

    warning: float
    critical: float | None = None
    clear_share: float = 0.93
    clear_after_s: float = 60.0

    def level(self, value: float) -> Level:
        """
        Return the level that a value reaches.
        """
        if self.critical is not None and value >= self.critical:
            return Level.CRITICAL
        return Level.WARNING if value >= self.warning else Level.RESOLVED

    def of(self, level: Level) -> float:
        """
        Return the threshold of a level.
        """
        return self.critical if level is Level.CRITICAL and self.critical is not None else self.warning


class Latch:
    """
    The state of one warning.

    Args:
        thresholds: the values at which it changes.
        level: the level to start with, if the warning was raised before a restart of the agent.

    Attributes:
        level: the current level.
    """

    def __init__(self, thresholds: Thresholds, level: Level = Level.RESOLVED) -> None:
        self._thresholds = thresholds
        self._calm_since_ns: int | None = None
        self.level = level

    def update(self, value: float | None, now_ns: int) -> Level | None:
        """
        Take a value; return the new level if it rose or the warning is resolved, else None.

        A step down from critical to warning is not reported, but the next step up is.

        Args:
            value: None counts as calm.
            now_ns: a monotonic clock.
        """
        reached = self._thresholds.level(value) if value is not None else Level.RESOLVED
        if _RANKS[reached] > _RANKS[self.level]:
            self.level, self._calm_since_ns = reached, None
            return reached
        if self.level is not Level.RESOLVED and self._has_calmed(value, now_ns):
            self.level, self._calm_since_ns = reached, None
            return reached if reached is Level.RESOLVED else None
        return None

    def _has_calmed(self, value: float | None, now_ns: int) -> bool:
        """
        Return whether the value has been calm for long enough to leave the current level.
        """
        if value is not None and value >= self._thresholds.clear_share * self._thresholds.of(self.level):
            self._calm_since_ns = None
            return False
        if self._calm_since_ns is None:
            self._calm_since_ns = now_ns
        return now_ns - self._calm_since_ns >= self._thresholds.clear_after_s * _NS_PER_S

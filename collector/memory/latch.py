"""
A warning that is told once: it rises at a threshold and ends only when the value has stayed well below it for a while.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_NS_PER_S: Final = 1_000_000_000


class Level(StrEnum):
    """
    How bad it is; `RESOLVED` when it has passed.
    """

    RESOLVED = "resolved"
    WARNING = "warning"
    CRITICAL = "critical"


_RANKS: Final = {Level.RESOLVED: 0, Level.WARNING: 1, Level.CRITICAL: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """
    When a value is a warning, when critical, and when it is over.

    Attributes:
        critical: None where a warning is the most there is.
        clear_share: a level is over below this share of its threshold.
        clear_after_s: and when it has been for so long.
    """

    warning: float
    critical: float | None = None
    clear_share: float = 0.93
    clear_after_s: float = 60.0

    def level(self, value: float) -> Level:
        """
        The level that a value reaches.
        """
        if self.critical is not None and value >= self.critical:
            return Level.CRITICAL
        return Level.WARNING if value >= self.warning else Level.RESOLVED

    def of(self, level: Level) -> float:
        """
        The threshold of a level.
        """
        return self.critical if level is Level.CRITICAL and self.critical is not None else self.warning


class Latch:
    """
    The state of one warning of one container.

    Args:
        thresholds: its bounds.
        level: what has been told of it before.

    Attributes:
        level: what was told last.
    """

    def __init__(self, thresholds: Thresholds, level: Level = Level.RESOLVED) -> None:
        self._thresholds = thresholds
        self._calm_since_ns: int | None = None
        self.level = level

    def update(self, value: float | None, now_ns: int) -> Level | None:
        """
        Take a value; gives the level when there is something to tell: it rose, or it is over.

        A step down from critical to warning is not told, but the next step up is.

        Args:
            value: None counts as calm.
            now_ns: a clock that only goes forward.
        """
        reached = self._thresholds.level(value) if value is not None else Level.RESOLVED
        if _RANKS[reached] > _RANKS[self.level]:
            self.level, self._calm_since_ns = reached, None
            return reached
        if self.level is not Level.RESOLVED and self._calm(value, now_ns):
            self.level, self._calm_since_ns = reached, None
            return reached if reached is Level.RESOLVED else None
        return None

    def _calm(self, value: float | None, now_ns: int) -> bool:
        """
        Whether the value has been below the bound for long enough.
        """
        if value is not None and value >= self._thresholds.clear_share * self._thresholds.of(self.level):
            self._calm_since_ns = None
            return False
        if self._calm_since_ns is None:
            self._calm_since_ns = now_ns
        return now_ns - self._calm_since_ns >= self._thresholds.clear_after_s * _NS_PER_S

"""
How many incidents there were on each of the last days, as bars.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from collector.store import EventCount
from collector.web.pages.causes import CAUSES
from sinks.event.words import EventType

DAYS: Final = 30
_NS_PER_DAY: Final = 86_400_000_000_000


@dataclass(frozen=True, slots=True)
class Day:
    """
    One bar.

    Attributes:
        number: days since 1970.
        memory: kills and deaths because of memory.
        other: all other deaths.
        memory_percent, other_percent: their heights, compared with the busiest day.
    """

    number: int
    memory: int
    other: int
    memory_percent: float
    other_percent: float

    @property
    def date(self) -> str:
        """
        The day in words, as in `Sun 29 Nov`.
        """
        return datetime.fromtimestamp(self.number * 86_400, UTC).strftime("%a %d %b")


def first_day_ns(now_ns: int) -> int:
    """
    Return when the first of the last days began.
    """
    return (now_ns // _NS_PER_DAY - DAYS + 1) * _NS_PER_DAY


def days_of(counts: Iterable[EventCount], now_ns: int) -> list[Day]:
    """
    Return the last days, oldest first, with those on which nothing happened.
    """
    today = now_ns // _NS_PER_DAY
    memory: dict[int, int] = {}
    other: dict[int, int] = {}
    for count in counts:
        if count.day_ns is not None:
            into = memory if _is_memory(count) else other
            number = count.day_ns // _NS_PER_DAY
            into[number] = into.get(number, 0) + count.events
    numbers = range(today - DAYS + 1, today + 1)
    busiest = max((memory.get(number, 0) + other.get(number, 0) for number in numbers), default=0) or 1
    return [_day(number, memory.get(number, 0), other.get(number, 0), busiest) for number in numbers]


def _is_memory(count: EventCount) -> bool:
    look = CAUSES.get(count.cause or "")
    return count.type == EventType.OOM_KILL or (look is not None and look.tone == "memory")


def _day(number: int, memory: int, other: int, busiest: int) -> Day:
    return Day(number, memory, other, round(100 * memory / busiest, 1), round(100 * other / busiest, 1))

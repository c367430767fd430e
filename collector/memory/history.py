"""
The memory history of a container, from its stored events: its peak, its shape, and how often it was OOM-killed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from collector.memory.shape import Trend
from sinks.event import EventType, Scope
from sinks.event.reader import time_ns
from sinks.event.views import EventView, MemoryView, OomView

# The types of events that may have memory.
MEMORY_TYPES: Final = tuple(kind.value for kind in EventType if kind is not EventType.AGENT)
# How far back kills are counted where a number of them is shown: in `top`, on the pages and in the API.
KILLS_WITHIN_NS: Final = 86_400_000_000_000
_TRENDS: Final = {trend.value: trend for trend in Trend}


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryHistory:
    """
    A container's memory, as published so far.

    Attributes:
        peak_bytes: the highest published working set, or the limit if it was killed at its limit.
        killed: True if it was killed at its own limit.
        first_ns: the time of the first event with memory; None if there is none.
        trend: the shape in the latest event that has one.
        growth_bytes_per_min: the growth of that shape.
    """

    peak_bytes: int = 0
    killed: bool = False
    first_ns: int | None = None
    trend: Trend = Trend.UNKNOWN
    growth_bytes_per_min: float | None = None


def memory_history_of(events: Iterable[EventView]) -> MemoryHistory:
    """
    Summarize what stored events say of a container's memory.

    Args:
        events: of one container, oldest first.
    """
    history = MemoryHistory()
    for event in events:
        history = _with_event(history, event)
    return history


def kills_by_container(events: Iterable[EventView]) -> dict[str, int]:
    """
    Count the OOM-killed processes of each container, by container id.
    """
    found: dict[str, int] = {}
    for event in events:
        for victim in event.exit137.oom.victims if event.exit137.oom is not None else ():
            if victim.container_id:
                found[victim.container_id] = found.get(victim.container_id, 0) + 1
    return found


def _with_event(history: MemoryHistory, event: EventView) -> MemoryHistory:
    memory, oom = event.exit137.memory, event.exit137.oom or OomView()
    at_limit = event.type == EventType.OOM_KILL and oom.scope == Scope.CONTAINER
    if memory is None and not at_limit:
        return history
    memory = memory or MemoryView()
    trend = _TRENDS.get(memory.trend or "", Trend.UNKNOWN)
    known = trend is not Trend.UNKNOWN
    growth = memory.growth_bytes_per_min
    return MemoryHistory(
        peak_bytes=max(history.peak_bytes, memory.peak_bytes or 0, (oom.limit_bytes or 0) if at_limit else 0),
        killed=history.killed or at_limit,
        first_ns=history.first_ns if history.first_ns is not None else time_ns(event.data.timestamp),
        trend=trend if known else history.trend,
        growth_bytes_per_min=growth if known and growth is not None else history.growth_bytes_per_min,
    )

"""
What stored events say of a container's memory: how high it went, which shape it had, how often it was killed.

Reads published documents, of whatever version of the agent: what is missing or of another type is passed over.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from collector.memory.shape import Trend
from parsers.untyped import fields_of, int_of, text_of, time_ns_of
from sinks.event import EventType

_TRENDS: Final = {trend.value: trend for trend in Trend}


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """
    A container's past.

    Attributes:
        peak_bytes: the highest working set that was told; the limit, where it was killed at it.
        killed: it was killed at its own limit.
        first_ns: the first event that told of its memory; None where none did.
        trend: of the latest event that has one.
        growth_bytes_per_min: with it.
    """

    peak_bytes: int = 0
    killed: bool = False
    first_ns: int | None = None
    trend: Trend = Trend.UNKNOWN
    growth_bytes_per_min: float | None = None


def past_of(documents: Iterable[Mapping[str, Any]]) -> Past:
    """
    The past that events tell of, oldest first.
    """
    past = Past()
    for document in documents:
        data = fields_of(document.get("data"))
        past = _with(past, data, killed=document.get("type") == EventType.OOM_KILL.value)
    return past


def kills_by_container(documents: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """
    How many processes of each container were killed for want of memory.
    """
    found: dict[str, int] = {}
    for document in documents:
        oom = fields_of(fields_of(fields_of(document.get("data")).get("exit137")).get("oom"))
        victims = oom.get("victims")
        for victim in victims if isinstance(victims, list) else []:
            container_id = text_of(fields_of(victim).get("container_id"))
            if container_id is not None:
                found[container_id] = found.get(container_id, 0) + 1
    return found


def _with(past: Past, data: Mapping[str, Any], *, killed: bool) -> Past:
    own = fields_of(data.get("exit137"))
    memory, oom = fields_of(own.get("memory")), fields_of(own.get("oom"))
    at_limit = killed and oom.get("scope") == "container"
    if not memory and not at_limit:
        return past
    trend = _TRENDS.get(text_of(memory.get("trend")) or "", Trend.UNKNOWN)
    growth = memory.get("growth_bytes_per_min")
    known = trend is not Trend.UNKNOWN
    return Past(
        peak_bytes=max(
            past.peak_bytes,
            int_of(memory.get("peak_bytes")) or 0,
            (int_of(oom.get("limit_bytes")) or 0) if at_limit else 0,
        ),
        killed=past.killed or at_limit,
        first_ns=past.first_ns if past.first_ns is not None else time_ns_of(data.get("@timestamp")),
        trend=trend if known else past.trend,
        growth_bytes_per_min=float(growth) if known and isinstance(growth, int | float) else past.growth_bytes_per_min,
    )

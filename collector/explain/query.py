"""
Which events answer a question, and which others belong to them.
"""

from collections.abc import Sequence
from typing import Final

from collector.store import PastEvent, PastEvents
from sinks.event import Event, EventType, encoded
from sinks.event.reader import time_ns
from sinks.event.views import EventView

_REPORTED: Final = (EventType.OOM_KILL.value, EventType.CONTAINER_DEATH.value)
_RELATED: Final = (
    EventType.OOM_KILL.value,
    EventType.MEMORY_PRESSURE.value,
    EventType.CONTAINER_STUCK.value,
    EventType.KERNEL_EVENT.value,
)
_DEATHS: Final = (EventType.CONTAINER_DEATH.value,)
# A run that began long ago has warnings that have nothing to do with its end.
_BEFORE_NS: Final = 3600 * 1_000_000_000
# A kill may be stamped slightly after the end that it caused.
_AFTER_NS: Final = 1_000_000_000
_MOST_RELATED: Final = 40


class InMemoryHistory:
    """
    Events of a host that was read just now: the stand-in for a store where the agent has not been running.

    Args:
        events: oldest first.
    """

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = [_past(number, event) for number, event in enumerate(events, 1)]

    def events(
        self,
        *,
        since_ns: int | None = None,
        until_ns: int | None = None,
        container: str | None = None,
        types: Sequence[str] | None = None,
        limit: int = -1,
    ) -> list[PastEvent]:
        """
        Return events as `History.events` does.
        """
        found = [
            past
            for past, name in self._events
            if (types is None or past.type in types)
            and (since_ns is None or past.time_ns >= since_ns)
            and (until_ns is None or past.time_ns < until_ns)
            and (container is None or name == container or (past.container_id or "").startswith(container))
        ]
        return found if limit < 0 else found[-limit:]


Past = PastEvents | InMemoryHistory


def requested_events(past: Past, container: str | None, since_ns: int | None) -> list[PastEvent]:
    """
    Return the kills and deaths since a time; without one the last death, or the last kill if nothing died.

    Raises:
        StoreError: a store cannot be read.
    """
    if since_ns is not None:
        return past.events(container=container, since_ns=since_ns, types=_REPORTED)
    return past.events(container=container, types=_DEATHS, limit=1) or past.events(
        container=container, types=_REPORTED, limit=1
    )


def related_events(past: Past, event: EventView) -> list[PastEvent]:
    """
    Return the other events of the same container, in the run that ended or in the hour before; no deaths.

    Raises:
        StoreError: a store cannot be read.
    """
    container_id = event.data.container.id if event.data.container is not None else None
    end_ns = time_ns(event.time)
    if not container_id or end_ns is None:
        return []
    death = event.exit137.death
    started_ns = time_ns(death.started_at) if death is not None else None
    found = past.events(
        container=container_id,
        since_ns=max(started_ns or 0, end_ns - _BEFORE_NS),
        until_ns=end_ns + _AFTER_NS,
        types=_RELATED,
        limit=_MOST_RELATED,
    )
    return [other for other in found if other.id != event.id]


def _past(number: int, event: Event) -> tuple[PastEvent, str | None]:
    outgoing = encoded(event)
    past = PastEvent(
        seq=number,
        id=event.id,
        type=event.type.value,
        subject=outgoing.subject,
        container_id=outgoing.container_id,
        time_ns=event.time_ns or 0,
        body=outgoing.body,
    )
    return past, event.container.name if event.container is not None else None

"""
Which events answer a question, and which others belong to them.
"""

from collections.abc import Sequence
from typing import Any, Final

from collector.store import History, PastEvent
from parsers.untyped import fields_of, text_of, time_ns_of
from sinks.event import Event, EventType, to_json

TOLD: Final = (EventType.OOM_KILL.value, EventType.CONTAINER_DEATH.value)
_BESIDE: Final = (EventType.OOM_KILL.value, EventType.MEMORY_PRESSURE.value, EventType.CONTAINER_STUCK.value)
_DEATHS: Final = (EventType.CONTAINER_DEATH.value,)
# A run that began long ago has warnings that have nothing to do with its end.
_BEFORE_NS: Final = 3600 * 1_000_000_000
_AFTER_NS: Final = 1_000_000_000
_BESIDE_AT_MOST: Final = 40


class Remembered:
    """
    Events that are not in a store: those of a host that was read just now.

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
        As `History.events`.
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


Past = History | Remembered


def asked_for(past: Past, container: str | None, since_ns: int | None) -> list[PastEvent]:
    """
    The kills and deaths since a moment; without one the last death, or the last kill where nobody died.

    Raises:
        StoreUnavailableError: a store cannot be read.
    """
    if since_ns is not None:
        return past.events(container=container, since_ns=since_ns, types=TOLD)
    return past.events(container=container, types=_DEATHS, limit=1) or past.events(
        container=container, types=TOLD, limit=1
    )


def beside(past: Past, document: dict[str, Any]) -> list[PastEvent]:
    """
    Kills, warnings and bad states of the same container in the run that ended, or in the hour before.

    Raises:
        StoreUnavailableError: a store cannot be read.
    """
    data = fields_of(document.get("data"))
    container_id = text_of(fields_of(data.get("container")).get("id"))
    end_ns = time_ns_of(document.get("time"))
    if container_id is None or end_ns is None:
        return []
    death = fields_of(fields_of(data.get("exit137")).get("death"))
    since_ns = max(time_ns_of(death.get("started_at")) or 0, end_ns - _BEFORE_NS)
    found = past.events(
        container=container_id, since_ns=since_ns, until_ns=end_ns + _AFTER_NS, types=_BESIDE, limit=_BESIDE_AT_MOST
    )
    return [event for event in found if event.id != document.get("id")]


def _past(number: int, event: Event) -> tuple[PastEvent, str | None]:
    container = event.container
    past = PastEvent(
        seq=number,
        id=event.id,
        type=event.type.value,
        subject=event.subject,
        container_id=container.id if container is not None else None,
        time_ns=event.time_ns or 0,
        body=to_json(event),
    )
    return past, container.name if container is not None else None

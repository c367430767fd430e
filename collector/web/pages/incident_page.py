"""
The page of one incident: reads it from the store, with the deaths before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from collector.explain.query import related_events
from collector.store import PastEvent, PastEvents
from collector.web.pages.incident import Incident, incident_of
from collector.web.pages.listing import Row, rows_of
from sinks.event.reader import UnreadableEventError, read_event, read_events
from sinks.event.views import EventView
from sinks.event.words import EventType

_EARLIER: Final = 10


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """
    The page of an incident.

    Attributes:
        earlier: deaths of the same service, else of the same container, newest first.
    """

    incident: Incident
    earlier: Sequence[Row]


def incident_page_of(past: PastEvents, id_: str) -> IncidentPage | None:
    """
    Return the page of an event; None if there is no readable event with this id.

    Raises:
        StoreError: the store cannot be read.
    """
    found = past.event(id_)
    if found is None:
        return None
    try:
        event = read_event(found.body)
    except UnreadableEventError:
        return None
    related = read_events(other.body for other in related_events(past, event))
    return IncidentPage(incident_of(found.body, event, related), rows_of(_earlier(past, found, event)))


def _earlier(past: PastEvents, found: PastEvent, event: EventView) -> Sequence[PastEvent]:
    service = event.data.service.name
    container = event.data.container.name if event.data.container is not None else None
    if not service and not container:
        return ()
    types = (EventType.CONTAINER_DEATH.value,)
    if service:
        return past.page(limit=_EARLIER, before_seq=found.seq, types=types, service=service).events
    return past.page(limit=_EARLIER, before_seq=found.seq, types=types, container=container).events

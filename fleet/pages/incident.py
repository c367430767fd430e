"""
The page of an incident of the fleet: its figures, the events that prove it, and the hosts by their names.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from collector.store import PastEvents
from fleet.pages.drawn_comparison import DrawnComparison, drawn_comparison_of
from sinks.event.reader import UnreadableEventError, read_event
from sinks.event.views import EventView


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetIncidentPage:
    """
    The page of an incident of the fleet.

    Attributes:
        comparison: of a regression, the two versions.
        examples: the events that prove it, by their ids; None where the store does not have the event any more.
        hosts: ids and names of the affected hosts.
    """

    event: EventView
    comparison: DrawnComparison | None
    examples: Sequence[tuple[str, EventView | None]]
    hosts: Sequence[tuple[str, str]]


def fleet_incident_of(past: PastEvents, id_: str, host_name: Callable[[str], str]) -> FleetIncidentPage | None:
    """
    Return the page of an event; None if it is no incident of the fleet.

    Args:
        past: the store.
        id_: of the event.
        host_name: returns the name of a host by its id.

    Raises:
        StoreError: the store cannot be read.
    """
    event = _event(past, id_)
    fleet = event.exit137.fleet if event is not None else None
    if event is None or fleet is None:
        return None
    return FleetIncidentPage(
        event=event,
        comparison=drawn_comparison_of(event),
        examples=[(example, _event(past, example)) for example in fleet.examples],
        hosts=[(host, host_name(host)) for host in fleet.hosts],
    )


def _event(past: PastEvents, id_: str) -> EventView | None:
    found = past.event(id_)
    try:
        return read_event(found.body) if found is not None else None
    except UnreadableEventError:
        return None

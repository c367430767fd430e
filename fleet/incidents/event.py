"""
Incidents as published events.

The machine that finds an incident is not in the event, so that a hub and a job on a cluster publish the same one.
"""

from typing import Any, Final

from fleet.incidents.incident import Incident
from fleet.incidents.sentences import sentence_of
from sinks.event import (
    Confidence,
    EcsEvent,
    Event,
    EventType,
    Exit137,
    FleetKind,
    Host,
    IncidentState,
    Severity,
    document,
)
from sinks.event.ids import fleet_incident_id

# A host cause is plain from its events; the others are conclusions from many.
_CONFIDENCE: Final = Confidence.LIKELY


def publish(incident: Incident) -> dict[str, Any]:
    """
    Return the `exit137.fleet_incident` event of an incident as the JSON object that the schema describes.
    """
    return document(event_of(incident))


def event_of(incident: Incident) -> Event:
    """
    Return the event of an incident; the same incident in the same state has the same id.
    """
    fleet = incident.fleet
    is_over = fleet.state is IncidentState.RESOLVED
    return Event(
        id=fleet_incident_id(fleet.incident_id, incident.sequence),
        type=EventType.FLEET_INCIDENT,
        subject=f"host/{incident.host_id}" if incident.host_id is not None else f"service/{fleet.service or '?'}",
        time_ns=incident.at_ns,
        message=sentence_of(incident),
        event=EcsEvent(
            kind="state" if is_over else "alert",
            category=("host",) if incident.host_id is not None else ("process",),
            type=("info",),
            action="fleet-incident",
            reason=fleet.kind.value,
            severity=Severity.INFO if is_over else _severity(fleet.kind),
        ),
        host=Host(id=incident.host_id, hostname=incident.hostname),
        exit137=Exit137(confidence=_CONFIDENCE, fleet=fleet),
    )


def _severity(kind: FleetKind) -> Severity:
    return Severity.WARNING if kind in (FleetKind.SILENT_HOST, FleetKind.NEIGHBOUR) else Severity.ERROR

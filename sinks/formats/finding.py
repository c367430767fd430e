"""
Maps an event to the attributes that only a Detection Finding of OCSF 1.5 has; ocsf.py maps those of every class.
"""

from collections.abc import Mapping
from typing import Any, Final

from sinks.event.words import Confidence, EventType, IncidentState
from sinks.formats.fields import Fields
from sinks.formats.objects import evidences_of, milliseconds, present, resources_of

CREATE: Final = 1
UPDATE: Final = 2
CLOSE: Final = 3
_NEW: Final = (1, "New")
_RESOLVED: Final = (4, "Resolved")
_CONFIDENCES: Final[Mapping[str | None, tuple[int, str]]] = {
    Confidence.POSSIBLE: (1, "Low"),
    Confidence.LIKELY: (2, "Medium"),
    Confidence.CERTAIN: (3, "High"),
}
_RULE: Final = (1, "Rule")
_ALERT: Final = "alert"
_TITLES: Final[Mapping[str, str]] = {
    EventType.OOM_KILL: "OOM kill",
    EventType.CONTAINER_DEATH: "Container death",
    EventType.MEMORY_PRESSURE: "Memory pressure",
    EventType.CONTAINER_STUCK: "Container stuck",
    EventType.KERNEL_EVENT: "Kernel event",
    EventType.FLEET_INCIDENT: "Fleet incident",
}


def activity_of(fields: Fields) -> int:
    """
    Return whether an event creates a finding, updates an earlier one, or closes it.
    """
    if _is_over(fields):
        return CLOSE
    if fields.find("exit137.fleet.state", str) == IncidentState.UPDATED:
        return UPDATE
    since = milliseconds(fields.find("exit137.pressure.since", str))
    at = milliseconds(fields.find("@timestamp", str))
    continues = since is not None and at is not None and since < at
    return UPDATE if continues or fields.find("exit137.supersedes", str) is not None else CREATE


def finding_of(
    event_id: str, event_type: str, subject: str | None, fields: Fields, device: Mapping[str, Any]
) -> dict[str, Any]:
    """
    Return the attributes of a Detection Finding.

    Args:
        event_id: the event's id.
        event_type: the event's type.
        subject: what the event is about.
        fields: the fields of the event; those that are mapped here are taken.
        device: the host with its container, as an OCSF object.
    """
    is_over = _is_over(fields)
    status_id, status = _RESOLVED if is_over else _NEW
    confidence_id, confidence = _CONFIDENCES.get(fields.find("exit137.confidence", str), (0, "Unknown"))
    return present(
        {
            "status_id": status_id,
            "status": status,
            "confidence_id": confidence_id,
            "confidence": confidence,
            "finding_info": _info(event_id, event_type, subject, fields),
            "resources": resources_of(device, fields.find("orchestrator.namespace", str)),
            "remediation": _remediation(fields),
            "evidences": evidences_of(fields),
            "is_alert": fields.find("event.kind", str) == _ALERT and not is_over,
        }
    )


def _is_over(fields: Fields) -> bool:
    """
    Return True if an event says that what a finding warned of is over.
    """
    is_resolved = fields.find("exit137.pressure.level", str) == "resolved"
    is_over = fields.find("exit137.fleet.state", str) == IncidentState.RESOLVED
    return is_resolved or is_over or fields.find("exit137.stuck.resolved", bool) is True


def _info(event_id: str, event_type: str, subject: str | None, fields: Fields) -> dict[str, Any]:
    title, reason = _TITLES.get(event_type, event_type), fields.find("event.reason", str)
    type_id, kind = _RULE
    records = fields.find("exit137.evidence", list) or []
    sources = {record.get("source") for record in records if isinstance(record, dict)}
    kills = [*fields.take_list("exit137.death.oom_kill_ids", str), *fields.take_list("exit137.stuck.oom_kill_ids", str)]
    return present(
        {
            "uid": _uid(event_id, subject, fields),
            "title": title if reason is None else f"{title}: {reason}",
            "types": [event_type],
            "analytic": {"uid": event_type, "name": title, "type_id": type_id, "type": kind},
            "data_sources": sorted(source for source in sources if isinstance(source, str)),
            "related_events": [{"uid": uid, "type": EventType.OOM_KILL.value} for uid in kills],
        }
    )


def _uid(event_id: str, subject: str | None, fields: Fields) -> str:
    """
    Return the id that all events of one finding share: a warning and its end, a kill and the event that replaces it.
    """
    incident = fields.find("exit137.fleet.incident_id", str)
    if incident is not None:
        return incident
    kind = fields.find("exit137.pressure.kind", str) or fields.find("exit137.stuck.state", str)
    since = fields.find("exit137.pressure.since", str) or fields.find("exit137.stuck.since", str)
    if kind is not None and since is not None:
        return "/".join((fields.find("host.id", str) or "?", subject or "?", kind, since))
    return fields.find("exit137.supersedes", str) or event_id


def _remediation(fields: Fields) -> dict[str, Any] | None:
    advice = fields.find("exit137.advice", list) or []
    texts = [item["text"] for item in advice if isinstance(item, dict) and isinstance(item.get("text"), str)]
    return {"desc": " ".join(texts)} if texts else None

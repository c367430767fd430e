"""
Renders an event as a document of the Open Cybersecurity Schema Framework, version 1.5 (docs/adr/0019).

Source: the published schema, https://schema.ocsf.io/1.5.0. Fields that OCSF does not have are in `unmapped`, under
their path in the event, so that nothing is lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sinks.event.words import EventType, GapKind, Severity
from sinks.formats.fields import Fields
from sinks.formats.finding import CLOSE, CREATE, UPDATE, activity_of, finding_of
from sinks.formats.objects import device_of, milliseconds, observables_of, present

OCSF_VERSION: Final = "1.5.0"
_PROFILES: Final = ("container", "host")
_SEVERITIES: Final[Mapping[int | None, tuple[int, str]]] = {
    Severity.DEBUG: (1, "Informational"),
    Severity.INFO: (1, "Informational"),
    Severity.NOTICE: (2, "Low"),
    Severity.WARNING: (3, "Medium"),
    Severity.ERROR: (4, "High"),
    Severity.CRITICAL: (5, "Critical"),
}
_NO_ERROR: Final = (GapKind.SOURCE_UP, GapKind.TEST)
_GENERAL_ERROR: Final = 1
_OTHER: Final = 99


@dataclass(frozen=True, slots=True, kw_only=True)
class _Class:
    """
    A class of OCSF.
    """

    uid: int
    name: str
    category_uid: int
    category: str
    activities: Mapping[int, str]


_FINDING: Final = _Class(
    uid=2004,
    name="Detection Finding",
    category_uid=2,
    category="Findings",
    activities={CREATE: "Create", UPDATE: "Update", CLOSE: "Close"},
)
_APPLICATION_ERROR: Final = _Class(
    uid=6008,
    name="Application Error",
    category_uid=6,
    category="Application Activity",
    activities={_GENERAL_ERROR: "General Error", _OTHER: "Other"},
)
_BASE: Final = _Class(uid=0, name="Base Event", category_uid=0, category="Uncategorized", activities={0: "Unknown"})
_CLASSES: Final[Mapping[str, _Class]] = {
    EventType.OOM_KILL: _FINDING,
    EventType.CONTAINER_DEATH: _FINDING,
    EventType.MEMORY_PRESSURE: _FINDING,
    EventType.CONTAINER_STUCK: _FINDING,
    EventType.KERNEL_EVENT: _FINDING,
    EventType.FLEET_INCIDENT: _FINDING,
    EventType.AGENT: _APPLICATION_ERROR,
    EventType.HOST_STATUS: _BASE,
}


def ocsf_document(
    event_id: str, event_type: str, envelope: Mapping[str, Any], *, version: str, now: datetime
) -> dict[str, Any]:
    """
    Return an event as an OCSF document; of a type that this version does not know, as a Base Event.

    Args:
        event_id: the event's id.
        event_type: the event's type.
        envelope: the CloudEvent.
        version: of this program.
        now: the wall clock, for an event without a time.
    """
    fields = Fields(envelope["data"])
    kind, subject = _CLASSES.get(event_type, _BASE), envelope.get("subject")
    classified = _classified(kind, fields)
    device = device_of(fields) or {}
    found: dict[str, Any] = {"device": device}
    if kind is _FINDING:
        found |= finding_of(event_id, event_type, subject if isinstance(subject, str) else None, fields, device)
    elif kind is _APPLICATION_ERROR:
        found |= _of_application(fields)
    stamp = fields.find("@timestamp", str)
    at_ms = milliseconds(stamp)
    document = {
        **classified,
        "time": at_ms if at_ms is not None else int(now.timestamp() * 1000),
        "metadata": _metadata(event_id, event_type, fields, version),
        **found,
        **fields.take_texts({"message": "message", "event.code": "status_code", "event.reason": "status_detail"}),
        "observables": observables_of(device, found.get("evidences", [])),
        "unmapped": fields.rest(),
    }
    return present(document)


def _classified(kind: _Class, fields: Fields) -> dict[str, Any]:
    activity = _activity(kind, fields)
    severity_id, severity = _SEVERITIES.get(fields.find("event.severity", int), (0, "Unknown"))
    name = kind.activities[activity]
    return {
        "category_uid": kind.category_uid,
        "category_name": kind.category,
        "class_uid": kind.uid,
        "class_name": kind.name,
        "activity_id": activity,
        "activity_name": name,
        "type_uid": kind.uid * 100 + activity,
        "type_name": f"{kind.name}: {name}",
        "severity_id": severity_id,
        "severity": severity,
    }


def _activity(kind: _Class, fields: Fields) -> int:
    if kind is _FINDING:
        return activity_of(fields)
    if kind is _APPLICATION_ERROR:
        return _OTHER if fields.find("exit137.gap.what", str) in _NO_ERROR else _GENERAL_ERROR
    return 0


def _of_application(fields: Fields) -> dict[str, Any]:
    """
    Return the attributes of an Application Error: what went wrong, and the time that the agent did not cover.
    """
    what = fields.find("exit137.gap.what", str)
    is_error = what not in _NO_ERROR
    return {
        "status_code": what,
        "status_id": 2 if is_error else 1,
        "status": "Failure" if is_error else "Success",
        "start_time": milliseconds(fields.find("exit137.gap.from", str)),
        "end_time": milliseconds(fields.find("exit137.gap.to", str)),
    }


def _metadata(event_id: str, event_type: str, fields: Fields, version: str) -> dict[str, Any]:
    return {
        "uid": event_id,
        "version": OCSF_VERSION,
        "product": {"name": "exit137", "vendor_name": "exit137", "version": version},
        "profiles": list(_PROFILES),
        "log_name": "exit137",
        "event_code": event_type,
        **fields.take_texts({"@timestamp": "original_time"}),
    }

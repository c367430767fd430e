"""
The published event, version 1: what every sink carries and every consumer reads.

The envelope is CloudEvents 1.0. The data follows the Elastic Common Schema, plus one namespace of our own (`exit137`).
The JSON Schema next to this package (event.schema.json) is the contract; docs/event.md explains it. The types are here
and not in the collector, so that the wire format does not change with the agent's internals.

Inside the program times are integers (nanoseconds since 1970, UTC) in fields that end in `_ns`; `document()` writes
them as RFC 3339 under the name without the suffix. None means unknown and is left out of the document.
"""

from sinks.event.culprit import Culprit
from sinks.event.death import Death, SignalSender
from sinks.event.ecs import (
    Boot,
    Container,
    EcsEvent,
    Host,
    HostOs,
    Image,
    ImageHash,
    Orchestrator,
    OrchestratorResource,
    ParentProcess,
    Process,
    Service,
)
from sinks.event.engine import Engine
from sinks.event.envelope import Encoded, Event, document, encoded, rfc3339, to_json
from sinks.event.exit137 import SCHEMA_VERSION, Evidence, Exit137, Gap, Trimmed
from sinks.event.fleet import Fleet, HostStatus, ServiceStatus, VersionFigures
from sinks.event.kernel import Crash, Kernel, LockOwner, TaskLimit
from sinks.event.memory import Advice, HostLoad, Memory, Pressure, Series, Stuck, StuckTask
from sinks.event.oom import Candidate, Oom, Trigger, Victim
from sinks.event.size import MAX_EVENT_BYTES
from sinks.event.words import (
    Cause,
    Confidence,
    CrashLine,
    CrashReason,
    EventType,
    EvidenceSource,
    FleetKind,
    GapKind,
    IncidentState,
    KernelEventKind,
    Killer,
    Scope,
    Severity,
    Shed,
    TrimUnit,
)

__all__ = [
    "MAX_EVENT_BYTES",
    "SCHEMA_VERSION",
    "Advice",
    "Boot",
    "Candidate",
    "Cause",
    "Confidence",
    "Container",
    "Crash",
    "CrashLine",
    "CrashReason",
    "Culprit",
    "Death",
    "EcsEvent",
    "Encoded",
    "Engine",
    "Event",
    "EventType",
    "Evidence",
    "EvidenceSource",
    "Exit137",
    "Fleet",
    "FleetKind",
    "Gap",
    "GapKind",
    "Host",
    "HostLoad",
    "HostOs",
    "HostStatus",
    "Image",
    "ImageHash",
    "IncidentState",
    "Kernel",
    "KernelEventKind",
    "Killer",
    "LockOwner",
    "Memory",
    "Oom",
    "Orchestrator",
    "OrchestratorResource",
    "ParentProcess",
    "Pressure",
    "Process",
    "Scope",
    "Series",
    "Service",
    "ServiceStatus",
    "Severity",
    "Shed",
    "SignalSender",
    "Stuck",
    "StuckTask",
    "TaskLimit",
    "Trigger",
    "TrimUnit",
    "Trimmed",
    "VersionFigures",
    "Victim",
    "document",
    "encoded",
    "rfc3339",
    "to_json",
]

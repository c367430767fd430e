"""
The published event, version 1: what every sink carries and every consumer reads.

Envelope: CloudEvents 1.0. Data: shaped as the Elastic Common Schema, with one namespace of our own (`exit137`).
The JSON Schema beside this package (event.schema.json) is the contract; docs/event.md explains it. The type stands
here, not in the collector, because the wire format must not change when the agent's insides do.

Inside the program times are integers (nanoseconds since 1970, UTC) in fields that end in `_ns`; `document()` writes
them as RFC 3339 under the name without the suffix. None means unknown and is left out of the document.
"""

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
)
from sinks.event.envelope import Event, document, rfc3339, to_json
from sinks.event.exit137 import SCHEMA_VERSION, Evidence, Exit137, Gap, Trimmed
from sinks.event.memory import Advice, HostLoad, Memory, Pressure, Stuck
from sinks.event.oom import Candidate, Oom, Trigger, Victim
from sinks.event.size import MAX_EVENT_BYTES
from sinks.event.words import Cause, Confidence, EventType, EvidenceSource, Killer, Scope, Severity, TrimUnit

__all__ = [
    "MAX_EVENT_BYTES",
    "SCHEMA_VERSION",
    "Advice",
    "Boot",
    "Candidate",
    "Cause",
    "Confidence",
    "Container",
    "Death",
    "EcsEvent",
    "Event",
    "EventType",
    "Evidence",
    "EvidenceSource",
    "Exit137",
    "Gap",
    "Host",
    "HostLoad",
    "HostOs",
    "Image",
    "ImageHash",
    "Killer",
    "Memory",
    "Oom",
    "Orchestrator",
    "OrchestratorResource",
    "ParentProcess",
    "Pressure",
    "Process",
    "Scope",
    "Severity",
    "SignalSender",
    "Stuck",
    "Trigger",
    "TrimUnit",
    "Trimmed",
    "Victim",
    "document",
    "rfc3339",
    "to_json",
]

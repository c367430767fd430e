"""
Event ids: UUIDv5 over the evidence, so that whoever sees the same thing gives it the same id.
"""

import re
import uuid
from typing import Final

_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:exit137:event:1")
# JSON may hold halves of characters; those that stand for a byte that is no UTF-8 are others.
_HALF: Final = re.compile(r"[\ud800-\udc7f\udd00-\udfff]")


def kill_id(machine_id: str | None, boot_id: str | None, moment: int | str, victim: int | str) -> str:
    """
    Return the id of an OOM kill.

    Args:
        machine_id: the host.
        boot_id: its boot.
        moment: microseconds since boot on the kernel's clock; the line itself where it has no stamp.
        victim: pid of the first victim; the cgroup where a whole cgroup was killed.
    """
    return _id("oom_kill", machine_id, boot_id.replace("-", "") if boot_id else None, moment, victim)


def death_id(container_id: str, started_at_ns: int | None) -> str:
    """
    Return the id of the end of a run; a run that never began has no start.
    """
    return _id("container_death", container_id, started_at_ns)


def kernel_event_id(machine_id: str | None, boot_id: str | None, moment: int | str, kind: str, about: object) -> str:
    """
    Return the id of an event about a line of the kernel log.

    Args:
        machine_id: the host.
        boot_id: its boot.
        moment: microseconds since boot on the kernel's clock; the line itself where it has no stamp.
        kind: what the line is about.
        about: the task, device or cgroup that it names.
    """
    return _id("kernel_event", machine_id, boot_id.replace("-", "") if boot_id else None, moment, kind, about)


def agent_id(machine_id: str | None, source: str, what: str, moment: int | None) -> str:
    """
    Return the id of an event about the agent itself.
    """
    return _id("agent", machine_id, source, what, moment)


def pressure_id(machine_id: str | None, subject: str, kind: str, level: str, since_ns: int) -> str:
    """
    Return the id of a warning, or of its end.

    Args:
        machine_id: the host.
        subject: what it is about.
        kind: what was compared.
        level: that it reached.
        since_ns: when it first rose.
    """
    return _id("memory_pressure", machine_id, subject, kind, level, since_ns)


def stuck_id(container_id: str, state: str, since_ns: int, *, over: bool) -> str:
    """
    Return the id of a bad state, or of its end.
    """
    return _id("container_stuck", container_id, state, since_ns, over)


def status_id(machine_id: str | None, at_ns: int) -> str:
    """
    Return the id of a host's status.
    """
    return _id("host_status", machine_id, at_ns)


def incident_id(kind: str, about: str, evidence: str) -> str:
    """
    Return the id of an incident of the fleet.

    Args:
        kind: what it is.
        about: the service or host.
        evidence: what opened it: the digest of a version, or the id of the first event.
    """
    return _id("incident", kind, about, evidence)


def fleet_incident_id(incident: str, sequence: int) -> str:
    """
    Return the id of an event about an incident of the fleet.

    Args:
        incident: the incident's id.
        sequence: 0 for the event that opens it, one more with each event after that.
    """
    return _id("fleet_incident", incident, sequence)


def _id(*parts: object) -> str:
    text = _HALF.sub("\N{REPLACEMENT CHARACTER}", "/".join("?" if part is None else str(part) for part in parts))
    return str(uuid.uuid5(_NAMESPACE, text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")))

"""
Events of many hosts, as their agents publish them, and their signed requests.
"""

import base64
from pathlib import Path
from typing import Final

from sinks.event import (
    Cause,
    Confidence,
    Container,
    EcsEvent,
    Event,
    EventType,
    Exit137,
    Host,
    HostStatus,
    Service,
    ServiceStatus,
    Severity,
    to_json,
)
from sinks.event import Death as PublishedDeath
from sinks.event.ids import death_id, status_id

SECOND: Final = 1_000_000_000
BEGIN_NS: Final = 1_790_000_000 * SECOND


def host_id(number: int) -> str:
    return f"{number:032x}"


def death(host: int, number: int, service: str = "api", cause: Cause = Cause.OOM_KILL) -> Event:
    """
    The death of a container on a host; the numbers make its id.
    """
    at_ns = BEGIN_NS + number * SECOND
    container = f"{host:032x}{number:032x}"
    return Event(
        id=death_id(container, at_ns),
        type=EventType.CONTAINER_DEATH,
        subject=f"container/{container}",
        time_ns=at_ns,
        message=f"Container {number} of {service} died.",
        event=EcsEvent(
            kind="alert", category=("process",), type=("end",), action="container-death", severity=Severity.CRITICAL
        ),
        host=Host(id=host_id(host), hostname=f"node-{host}"),
        container=Container(id=container, name=f"{service}-{number}"),
        service=Service(name=service, version="1"),
        exit137=Exit137(cause=cause, confidence=Confidence.CERTAIN, death=PublishedDeath(exit_code=137)),
    )


def status(host: int, at_s: float, interval_s: float = 60.0, running: int = 2) -> Event:
    """
    The status of a host, seconds after the beginning.
    """
    at_ns = BEGIN_NS + round(at_s * SECOND)
    service = ServiceStatus(name="api", version="1", running=running, container_seconds=running * interval_s)
    return Event(
        id=status_id(host_id(host), at_ns),
        type=EventType.HOST_STATUS,
        subject=f"host/{host_id(host)}",
        time_ns=at_ns,
        message="2 containers of 1 service run.",
        event=EcsEvent(kind="state", category=("host",), type=("info",), action="host-status", severity=Severity.DEBUG),
        host=Host(id=host_id(host), hostname=f"node-{host}"),
        exit137=Exit137(
            confidence=Confidence.CERTAIN,
            status=HostStatus(interval_s=interval_s, version="0.1.0", sources={"docker": "up"}, services=(service,)),
        ),
    )


def body(event: Event) -> bytes:
    return to_json(event)


def secret_file(folder: Path, host: int) -> Path:
    """
    A file with the signing secret of a host, named as the hub looks for it.
    """
    path = folder / host_id(host)
    path.write_text(f"whsec_{base64.b64encode(host.to_bytes(32, 'big')).decode()}\n")
    return path

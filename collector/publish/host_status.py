"""
The status of the host as an event: what runs, and how the agent is. Form, no decisions.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sinks.event import (
    Confidence,
    EcsEvent,
    Event,
    EventType,
    Exit137,
    Host,
    HostStatus,
    ServiceStatus,
    Severity,
)
from sinks.event.ids import status_id


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentState:
    """
    The agent at the time of a status.

    Attributes:
        interval_s: seconds between two statuses.
        version: of the agent.
        sources: whether each source is read, by name.
    """

    interval_s: float
    version: str
    sources: Mapping[str, bool]


def status_event(host: Host, agent: AgentState, services: tuple[ServiceStatus, ...], at_ns: int) -> Event:
    """
    Return the status of a host.

    Args:
        host: this host, as it is published.
        agent: the agent.
        services: what ran since the last status.
        at_ns: the time of the status, wall clock.
    """
    sources = {name: "up" if is_up else "down" for name, is_up in agent.sources.items()}
    return Event(
        id=status_id(host.id, at_ns),
        type=EventType.HOST_STATUS,
        subject=f"host/{host.id or 'unknown'}",
        time_ns=at_ns,
        message=_sentence(services),
        event=EcsEvent(kind="state", category=("host",), type=("info",), action="host-status", severity=Severity.DEBUG),
        host=host,
        exit137=Exit137(
            confidence=Confidence.CERTAIN,
            status=HostStatus(interval_s=agent.interval_s, version=agent.version, sources=sources, services=services),
        ),
    )


def _sentence(services: tuple[ServiceStatus, ...]) -> str:
    containers = sum(service.running for service in services)
    names = len({service.name for service in services if service.running})
    what = "1 container" if containers == 1 else f"{containers} containers"
    return f"{what} of {'1 service' if names == 1 else f'{names} services'} {'runs' if containers == 1 else 'run'}."

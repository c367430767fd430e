"""
The parts of the published event about many hosts: what an agent reports of its host, and an incident of the fleet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sinks.event.words import FleetKind, IncidentState


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """
    One version of a service on one host, since the last status.

    Attributes:
        name: of the service, the same on all hosts.
        version: as in `service.version`.
        digest: of the image, with its algorithm.
        running: containers that run now.
        container_seconds: how long its containers ran since the last status, added up.
    """

    name: str
    version: str | None = None
    digest: str | None = None
    running: int = 0
    container_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStatus:
    """
    What an agent reports of its host at an interval.

    Attributes:
        interval_s: the interval.
        version: of the agent.
        sources: the state of each source by its name: `up` or `down`.
        services: what runs, one entry per service and digest.
    """

    interval_s: float
    version: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    services: tuple[ServiceStatus, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionFigures:
    """
    How often one version of a service died.

    Attributes:
        digest: of its image.
        version: as in `service.version`.
        deaths: cases of bad deaths; a crash loop is one case.
        container_hours: how long its containers ran, added up.
        memory_trend: the most frequent shape of the memory curve before a death.
        memory_growth_bytes_per_min: the mean growth before a death.
    """

    digest: str | None = None
    version: str | None = None
    deaths: int = 0
    container_hours: float = 0.0
    memory_trend: str | None = None
    memory_growth_bytes_per_min: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """
    An incident of the fleet, as it is known now.

    Attributes:
        kind: what it is.
        state: whether it is new, has changed, or is over.
        incident_id: the same in all events of the incident.
        opened_at_ns: when it was opened.
        service: the service that it is about; of a neighbour the one that takes the memory.
        before: the version that a regression is compared with.
        after: the version that the incident is about.
        rate_ratio: how many times as often the version dies as the one before.
        rate_ratio_low: the lower bound of that, valid at any time.
        e_value: the evidence against an equal rate; its inverse bounds the chance of a false alarm.
        hosts: ids of the affected hosts, at most 200.
        hosts_affected: how many hosts are affected.
        hosts_total: the hosts on which the service runs; of the fleet, if no service is named.
        services: the services that died, or whose containers were killed.
        deaths: deaths, or kills, that belong to the incident.
        cause: the most frequent cause of death; of a host what its own events say.
        examples: ids of events that belong to the incident.
    """

    kind: FleetKind
    state: IncidentState
    incident_id: str
    opened_at_ns: int | None = None
    service: str | None = None
    before: VersionFigures | None = None
    after: VersionFigures | None = None
    rate_ratio: float | None = None
    rate_ratio_low: float | None = None
    e_value: float | None = None
    hosts: tuple[str, ...] = ()
    hosts_affected: int = 0
    hosts_total: int | None = None
    services: tuple[str, ...] = ()
    deaths: int = 0
    cause: str | None = None
    examples: tuple[str, ...] = ()

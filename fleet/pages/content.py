"""
The content of the hub's pages and of its `/v1`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from collector.store import PastEvents
from collector.web.pages.causes import CAUSES, Look
from collector.web.pages.days import Day, days_of, first_day_ns
from fleet.books import HostBook, HostPage, IncidentBook
from sinks.event import EventType
from sinks.event.envelope import rfc3339
from sinks.event.views import EventView

_DAYS_NS: Final = 7 * 86_400_000_000_000
_SERVICES: Final = 25
_OVER: Final = 10
_COUNTED: Final = (EventType.OOM_KILL.value, EventType.CONTAINER_DEATH.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDeaths:
    """
    The deaths of a service in the last seven days.

    Attributes:
        causes: how many had which cause, the most frequent first.
    """

    name: str
    deaths: int
    causes: Sequence[tuple[Look, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """
    The first page.

    Attributes:
        open: incidents that are not over.
        over: the last that ended.
        hosts: each with its class in the grid.
        names: of the hosts of incidents, by their ids.
        days: deaths and kills of the last days.
        services: those that died most.
        running: containers that run on all hosts.
    """

    open: Sequence[EventView]
    over: Sequence[EventView]
    hosts: Sequence[tuple[HostPage, str]]
    names: Mapping[str, str]
    days: Sequence[Day]
    services: Sequence[ServiceDeaths]
    running: int


def overview_of(past: PastEvents, hosts: HostBook, incidents: IncidentBook, now_ns: int) -> Overview:
    """
    Return the first page.

    Raises:
        StoreError: the store cannot be read.
    """
    known, is_open, over = list(hosts), incidents.open(), incidents.over(_OVER)
    affected = {host for event in [*is_open, *over] if event.exit137.fleet for host in event.exit137.fleet.hosts}
    return Overview(
        open=is_open,
        over=over,
        names={host: hosts.name_of(host) for host in affected},
        hosts=[(host, host.health(now_ns)) for host in known],
        days=days_of(past.count_by("day", "type", "cause", types=_COUNTED, since_ns=first_day_ns(now_ns)), now_ns),
        services=services_of(past, now_ns),
        running=sum(service.running for host in known if host.status for service in host.status.services),
    )


def services_of(past: PastEvents, now_ns: int) -> list[ServiceDeaths]:
    """
    Return the services that died most in the last seven days, stops aside.

    Raises:
        StoreError: the store cannot be read.
    """
    types = (EventType.CONTAINER_DEATH.value,)
    counted: dict[str, list[tuple[Look, int]]] = {}
    for each in past.count_by("cause", "service", types=types, since_ns=now_ns - _DAYS_NS):
        look = CAUSES.get(each.cause or "")
        if each.service is not None and look is not None and look.tone != "good":
            counted.setdefault(each.service, []).append((look, each.events))
    found = [
        ServiceDeaths(name=name, deaths=sum(events for _, events in causes), causes=sorted(causes, key=_fewest))
        for name, causes in counted.items()
    ]
    return sorted(found, key=lambda service: (-service.deaths, service.name))[:_SERVICES]


def hosts_json(hosts: Iterable[HostPage], now_ns: int) -> list[dict[str, Any]]:
    """
    Return the hosts for a program.
    """
    return [
        {
            "id": host.id,
            "hostname": host.hostname,
            "health": host.health(now_ns),
            "last_seen": rfc3339(host.seen_ns) if host.seen_ns else None,
            "last_status": rfc3339(host.status_ns) if host.status_ns else None,
            "version": host.status.version if host.status is not None else None,
            "sources": dict(host.status.sources) if host.status is not None else {},
            "running": sum(service.running for service in host.status.services) if host.status is not None else None,
            "deaths_in_hour": host.deaths_in_hour(now_ns),
        }
        for host in hosts
    ]


def _fewest(cause: tuple[Look, int]) -> int:
    return -cause[1]

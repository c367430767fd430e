"""
Neighbours: a service takes the memory of its hosts, and the OOM killer kills containers of other services.

The agents name the container that took the memory (`exit137.culprit`). What it causes is not held against the service
whose containers die, nor against the host.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import msgspec

from fleet.incidents.census import Census
from fleet.incidents.incident import Incident
from fleet.incidents.observations import Death, Kill, Origin
from fleet.incidents.open_incidents import OpenIncident, OpenIncidents
from fleet.incidents.settings import Settings
from fleet.incidents.versions import NS_PER_S
from sinks.event import Fleet, FleetKind, IncidentState
from sinks.event.ids import incident_id

_MOST_CONTAINERS: Final = 50_000
_MOST_VICTIMS: Final = 5000
_MOST_KILLS: Final = 500
_MOST_CULPRITS: Final = 5000
_MOST_EXAMPLES: Final = 10
_MOST_HOSTS: Final = 200
# A container dies soon after one of its processes was killed.
_AFTER_KILL_NS: Final = 120 * NS_PER_S
_SEPARATORS: Final = re.compile(r"[-_./]")
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """
    A kill that a service caused in another one.
    """

    at_ns: int
    host: str
    victim: str
    event_id: str


@dataclass(slots=True, kw_only=True)
class _Culprit:
    """
    A service that took memory.

    Attributes:
        kills: the latest kills that it caused.
        incident: the id of its open incident.
        last_ns: when the last of its kills arrived.
    """

    kills: list[_Taken] = field(default_factory=list)
    incident: str | None = None
    last_ns: int = 0


@dataclass(slots=True, kw_only=True)
class _State:
    """
    Everything that is kept.

    Attributes:
        culprits: by service.
        containers: the services of containers, by their ids.
        victims: when a neighbour's kill hit a container, by its id; or by the id of the kill.
        own: the same for kills that a service caused in its own containers.
    """

    culprits: dict[str, _Culprit] = field(default_factory=dict)
    containers: dict[str, str] = field(default_factory=dict)
    victims: dict[str, int] = field(default_factory=dict)
    own: dict[str, int] = field(default_factory=dict)
    open: dict[str, OpenIncident] = field(default_factory=dict)


class Neighbours:
    """
    Notices services that take the memory of others.
    """

    def __init__(self, settings: Settings, census: Census, state: Any = None) -> None:  # noqa: ANN401 (JSON)
        """
        Begin with the state that `save` returned, if any.
        """
        self._settings = settings
        self._census = census
        self._window_ns = round(settings.neighbour_window_s * NS_PER_S)
        self._quiet_ns = round(settings.neighbour_quiet_s * NS_PER_S)
        self._state = msgspec.convert(state, _State) if state is not None else _State()
        self._open = OpenIncidents(round(settings.update_interval_s * NS_PER_S), self._state.open)

    def save(self) -> bytes:
        """
        Return the state as JSON.
        """
        return msgspec.json.encode(self._state)

    @property
    def due_ns(self) -> int | None:
        """
        The next time at which `advance` has something to do.
        """
        return self._open.due_with(
            self._state.culprits[service].last_ns + self._quiet_ns for service in self._open.known
        )

    def learn(self, container: str, service: str) -> None:
        """
        Note the service of a container.
        """
        _keep(self._state.containers, container, service, _MOST_CONTAINERS)

    def observe(self, kill: Kill, now_ns: int) -> list[Incident]:
        """
        Note a kill for the memory of several containers; return the incident that it opens, or changes.
        """
        culprit = self._service_of(kill.origin.host, kill.culprit_id, kill.culprit_name)
        victim = kill.service or self._victim_service(kill.containers)
        if culprit is None:
            return []
        hit = self._state.own if victim == culprit else self._state.victims
        for found in (kill.origin.event_id, *kill.containers):
            _keep(hit, found, kill.origin.at_ns, _MOST_VICTIMS)
        if victim == culprit:
            return []
        culprits = self._state.culprits
        if culprit not in culprits and len(culprits) >= _MOST_CULPRITS:
            del culprits[next((name for name in culprits if name not in self._open), next(iter(culprits)))]
        known = culprits.setdefault(culprit, _Culprit())
        taken = _taken(kill.origin, victim)
        known.kills = [item for item in known.kills if item.at_ns > taken.at_ns - self._window_ns]
        known.kills = [*known.kills, taken][-_MOST_KILLS:]
        known.last_ns = now_ns
        hosts = {item.host for item in known.kills}
        enough = len(hosts) >= self._settings.neighbour_hosts or len(known.kills) >= self._settings.neighbour_kills
        if culprit not in self._open and not enough:
            return []
        first = min(known.kills, key=lambda item: (item.at_ns, item.event_id))
        known.incident = known.incident or incident_id(FleetKind.NEIGHBOUR, culprit, first.event_id)
        return self._open.report(culprit, self._fleet(culprit, known), now_ns)

    def explains(self, death: Death, service: str) -> bool:
        """
        Return True if a neighbour caused a death.
        """
        if _was_hit(death, self._state.victims):
            return True
        culprit = self._service_of(death.origin.host, death.culprit_id, death.culprit_name)
        return culprit is not None and culprit != service

    def is_own_fault(self, death: Death, service: str) -> bool:
        """
        Return True if the service itself took the memory of the host.
        """
        culprit = self._service_of(death.origin.host, death.culprit_id, death.culprit_name)
        return culprit == service or _was_hit(death, self._state.own)

    def advance(self, now_ns: int) -> list[Incident]:
        """
        Return the incidents that are over by now, and the changes that were held back.
        """
        found: list[Incident] = []
        for service in list(self._open.known):
            if self._state.culprits[service].last_ns + self._quiet_ns <= now_ns:
                del self._state.culprits[service]
                found += self._open.resolve(service, now_ns)
        return found + self._open.due(now_ns)

    def _service_of(self, host: str, container: str | None, name: str | None) -> str | None:
        """
        Return the service of a container that an event names: as seen before, else by its name.
        """
        if container is not None and container in self._state.containers:
            return self._state.containers[container]
        words = _SEPARATORS.split(name) if name else []
        named = [service for service in self._census.services_on(host) if _contains(words, _SEPARATORS.split(service))]
        return max(named, key=lambda service: (len(service), service), default=name or container)

    def _victim_service(self, containers: Iterable[str]) -> str | None:
        known = self._state.containers
        return next((known[container] for container in containers if container in known), None)

    def _fleet(self, culprit: str, known: _Culprit) -> Fleet:
        hosts = sorted({item.host for item in known.kills})
        return Fleet(
            kind=FleetKind.NEIGHBOUR,
            state=IncidentState.OPEN,
            incident_id=known.incident or "?",
            service=culprit,
            hosts=tuple(hosts[:_MOST_HOSTS]),
            hosts_affected=len(hosts),
            hosts_total=self._census.hosts_with(culprit),
            services=tuple(sorted({item.victim for item in known.kills if item.victim})),
            deaths=len(known.kills),
            cause="oom_kill",
            examples=tuple(item.event_id for item in known.kills[:_MOST_EXAMPLES]),
        )


def _was_hit(death: Death, kills: Mapping[str, int]) -> bool:
    """
    Return True if one of these kills is of the run that ended, or hit its container shortly before.
    """
    if any(kill_id in kills for kill_id in death.kill_ids):
        return True
    hit_ns = kills.get(death.container or "")
    return hit_ns is not None and 0 <= death.origin.at_ns - hit_ns <= _AFTER_KILL_NS


def _taken(origin: Origin, victim: str | None) -> _Taken:
    return _Taken(at_ns=origin.at_ns, host=origin.host, victim=victim or "", event_id=origin.event_id)


def _contains(words: list[str], part: list[str]) -> bool:
    """
    Return True if the words of a name contain those of another, side by side.
    """
    return any(words[start : start + len(part)] == part for start in range(len(words) - len(part) + 1))


def _keep(items: dict[str, _Value], key: str, value: _Value, most: int) -> None:
    items.pop(key, None)
    items[key] = value
    if len(items) > most:
        del items[next(iter(items))]

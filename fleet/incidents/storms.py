"""
Storms: one service dies with one cause on many hosts within minutes, and no new version explains it.
"""

import math
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from fleet.incidents.census import Census
from fleet.incidents.host_causes import HostCauses
from fleet.incidents.incident import Incident
from fleet.incidents.observations import Death
from fleet.incidents.open_incidents import OpenIncident, OpenIncidents
from fleet.incidents.recent_deaths import RecentDeath, RecentDeaths
from fleet.incidents.regressions import Regressions
from fleet.incidents.sequential_test import poisson_tail
from fleet.incidents.settings import Settings
from fleet.incidents.version_history import VersionHistory
from fleet.incidents.versions import NS_PER_S, CauseGroup, group_of
from sinks.event import Fleet, FleetKind, IncidentState
from sinks.event.ids import incident_id

_MOST_HOSTS: Final = 200
_MOST_EXAMPLES: Final = 10
# By day a service may die several times as often as on average.
_PEAK: Final = 3.0
# With fewer containers of older versions there is nothing to compare with.
_NEARLY_ALL: Final = 0.9


@dataclass(slots=True, kw_only=True)
class _Storm:
    """
    A storm that goes on.

    Attributes:
        group: the causes that belong to it.
        causes: its deaths by cause.
        first_ns: when its first death happened.
        last_ns: when its last death arrived.
    """

    group: CauseGroup
    incident: str
    hosts: dict[str, int]
    causes: dict[str, int]
    examples: list[str]
    first_ns: int
    last_ns: int


@dataclass(slots=True, kw_only=True)
class _State:
    """
    Everything that is kept: storms by service.
    """

    storms: dict[str, _Storm] = field(default_factory=dict)
    open: dict[str, OpenIncident] = field(default_factory=dict)


class Storms:
    """
    Notices services that die on many hosts at once.
    """

    def __init__(
        self,
        settings: Settings,
        census: Census,
        recent: RecentDeaths,
        history: VersionHistory,
        state: Any = None,  # noqa: ANN401 (JSON)
    ) -> None:
        """
        Begin with the state that `save` returned, if any.
        """
        self._settings = settings
        self._census = census
        self._recent = recent
        self._history = history
        self._window_ns = round(settings.storm_window_s * NS_PER_S)
        self._quiet_ns = round(settings.storm_quiet_s * NS_PER_S)
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
        return self._open.due_with(storm.last_ns + self._quiet_ns for storm in self._state.storms.values())

    def explains(self, death: Death, service: str) -> bool:
        """
        Return True if a death belongs to a storm that goes on.
        """
        storm = self._state.storms.get(service)
        return storm is not None and storm.group is group_of(death.cause)

    def since_ns(self, service: str) -> int:
        """
        Return when the first death of the storm of a service happened.
        """
        return self._state.storms[service].first_ns

    def observe(
        self, death: Death, service: str, now_ns: int, *, hosts: HostCauses, versions: Regressions
    ) -> list[Incident]:
        """
        Note a death; return the incident that it opens, or changes.

        Args:
            death: a bad death.
            service: its service.
            now_ns: the time now.
            hosts: knows on which hosts many services die.
            versions: knows which versions are new.
        """
        if service in self._state.storms:
            return self._continue(self._state.storms[service], death, service, now_ns)
        at_ns, group = death.origin.at_ns, group_of(death.cause)
        deaths = [
            item
            for item in self._recent.of(service, at_ns, self._window_ns)
            if item.at_ns <= at_ns and group_of(item.cause) is group and not hosts.is_open(item.host)
        ]
        if not self._is_storm(service, deaths, versions) or _is_of_version(service, at_ns, deaths, versions):
            return []
        first = min(deaths, key=lambda item: (item.at_ns, item.event_id))
        storm = _Storm(
            group=group,
            incident=incident_id(FleetKind.STORM, service, first.event_id),
            hosts={},
            causes={},
            examples=[],
            first_ns=first.at_ns,
            last_ns=now_ns,
        )
        for item in deaths:
            _add(storm, item.host, item.cause, item.event_id)
        self._state.storms[service] = storm
        return self._open.report(service, self._fleet(service, storm), now_ns)

    def advance(self, now_ns: int) -> list[Incident]:
        """
        Return the incidents that are over by now, and the changes that were held back.
        """
        found: list[Incident] = []
        for service, storm in list(self._state.storms.items()):
            if storm.last_ns + self._quiet_ns <= now_ns:
                del self._state.storms[service]
                found += self._open.resolve(service, now_ns)
        return found + self._open.due(now_ns)

    def _continue(self, storm: _Storm, death: Death, service: str, now_ns: int) -> list[Incident]:
        if storm.group is not group_of(death.cause):
            return []
        storm.last_ns = now_ns
        _add(storm, death.origin.host, death.cause, death.origin.event_id)
        return self._open.report(service, self._fleet(service, storm), now_ns)

    def _is_storm(self, service: str, deaths: list[RecentDeath], versions: Regressions) -> bool:
        """
        Return True if a service dies on more hosts than chance explains, and than an open regression does.
        """
        dying, total = len({item.host for item in deaths}), self._census.hosts_with(service)
        share = math.ceil(total * self._settings.storm_share)
        if dying < max(self._settings.storm_hosts, min(share, self._settings.storm_hosts_enough)):
            return False
        time_ns = _PEAK * self._census.running(service) * self._window_ns
        usual, bad = self._history.rate_per_ns(service), versions.open_rate_per_ns(service)
        return (
            poisson_tail(dying, usual * time_ns) <= self._settings.storm_alpha
            and poisson_tail(dying, bad * time_ns) <= self._settings.storm_alpha_in_regression
        )

    def _fleet(self, service: str, storm: _Storm) -> Fleet:
        hosts = sorted(storm.hosts)
        return Fleet(
            kind=FleetKind.STORM,
            state=IncidentState.OPEN,
            incident_id=storm.incident,
            service=service,
            hosts=tuple(hosts[:_MOST_HOSTS]),
            hosts_affected=len(hosts),
            hosts_total=self._census.hosts_with(service),
            services=(service,),
            deaths=sum(storm.causes.values()),
            cause=max(storm.causes, key=lambda cause: (storm.causes[cause], cause)),
            examples=tuple(storm.examples),
        )


def _add(storm: _Storm, host: str, cause: str, event_id: str) -> None:
    storm.hosts[host] = storm.hosts.get(host, 0) + 1
    storm.causes[cause] = storm.causes.get(cause, 0) + 1
    if len(storm.examples) < _MOST_EXAMPLES:
        storm.examples.append(event_id)


def _is_of_version(service: str, at_ns: int, deaths: list[RecentDeath], versions: Regressions) -> bool:
    """
    Return True if a new version is to blame: it is young, and older ones that still run die less.
    """
    young = versions.young_version(service, at_ns)
    if young is None:
        return False
    dead = sum(1 for item in deaths if item.digest == young) / len(deaths)
    running = versions.share_of(service, young)
    return dead > running or running > _NEARLY_ALL

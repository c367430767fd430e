"""
Host causes: containers of several services die on one host within minutes.

A service whose containers die on many of its hosts at the same time says nothing about this one. So a service counts
only while the share of its hosts on which it dies is smaller than the share of the host's services that die.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from fleet.incidents.census import Census
from fleet.incidents.incident import Incident
from fleet.incidents.observations import DOCKER_DOWN, HOST_OUT_OF_MEMORY, Death, HostSignal, Origin
from fleet.incidents.open_incidents import OpenIncident, OpenIncidents
from fleet.incidents.recent_deaths import RecentDeaths
from fleet.incidents.sequential_test import poisson_tail
from fleet.incidents.settings import Settings
from fleet.incidents.version_history import VersionHistory
from sinks.event import Cause, Fleet, FleetKind, IncidentState
from sinks.event.ids import incident_id

_NS_PER_S: Final = 1_000_000_000
_MOST_HOSTS: Final = 20_000
_MOST_DEATHS: Final = 500
_MOST_SIGNALS: Final = 20
_MOST_EXAMPLES: Final = 10
_UNKNOWN: Final = "unknown"
# By day services may die several times as often as on average.
_PEAK: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _HostDeath:
    """
    A death on a host.
    """

    at_ns: int
    service: str
    cause: str
    event_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signal:
    """
    What the host's own events say.
    """

    at_ns: int
    kind: str
    event_id: str


@dataclass(slots=True, kw_only=True)
class _Host:
    """
    What happened on a host within the last minutes.

    Attributes:
        incident: the id of its open incident.
        last_ns: when the last death of the incident arrived.
    """

    deaths: list[_HostDeath] = field(default_factory=list)
    signals: list[_Signal] = field(default_factory=list)
    incident: str | None = None
    last_ns: int = 0


@dataclass(slots=True, kw_only=True)
class _State:
    """
    Everything that is kept.
    """

    hosts: dict[str, _Host] = field(default_factory=dict)
    open: dict[str, OpenIncident] = field(default_factory=dict)


class HostCauses:
    """
    Notices hosts on which many services die.
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
        self._window_ns = round(settings.host_window_s * _NS_PER_S)
        self._quiet_ns = round(settings.host_quiet_s * _NS_PER_S)
        self._state = msgspec.convert(state, _State) if state is not None else _State()
        self._open = OpenIncidents(round(settings.update_interval_s * _NS_PER_S), self._state.open)

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
        return self._open.due_with(self._state.hosts[host].last_ns + self._quiet_ns for host in self._open.known)

    def is_open(self, host: str) -> bool:
        """
        Return True while a host cause explains the deaths on a host.
        """
        return host in self._open

    def since_ns(self, host: str) -> int:
        """
        Return when the first death of the open incident of a host happened.
        """
        return min((item.at_ns for item in self._state.hosts[host].deaths), default=0)

    def signal(self, signal: HostSignal) -> None:
        """
        Note an event that can explain deaths on a host.
        """
        self._add_signal(signal.origin, signal.kind)

    def memory_ran_out(self, origin: Origin) -> None:
        """
        Note a kill because of the memory of the whole host, for which no container is to blame.
        """
        self._add_signal(origin, HOST_OUT_OF_MEMORY)

    def observe(self, death: Death, service: str, now_ns: int) -> list[Incident]:
        """
        Note a death; return the incident that it opens, or changes.
        """
        origin = death.origin
        host = self._host(origin.host)
        oldest_ns = origin.at_ns - self._window_ns
        if origin.host not in self._open:
            host.deaths = [item for item in host.deaths if item.at_ns >= oldest_ns]
        host.deaths.append(_HostDeath(at_ns=origin.at_ns, service=service, cause=death.cause, event_id=origin.event_id))
        del host.deaths[:-_MOST_DEATHS]
        if origin.host not in self._open and not self._is_host_cause(origin.host, host, origin.at_ns):
            return []
        first = min(host.deaths, key=lambda item: (item.at_ns, item.event_id))
        host.incident = host.incident or incident_id(FleetKind.HOST_CAUSE, origin.host, first.event_id)
        host.last_ns = now_ns
        return self._open.report(
            origin.host, self._fleet(origin.host, host), now_ns, host_id=origin.host, hostname=origin.hostname
        )

    def advance(self, now_ns: int) -> list[Incident]:
        """
        Return the incidents that are over by now, and the changes that were held back.
        """
        found: list[Incident] = []
        for host in [host for host in self._open.known if self._state.hosts[host].last_ns + self._quiet_ns <= now_ns]:
            del self._state.hosts[host]
            found += self._open.resolve(host, now_ns)
        return found + self._open.due(now_ns)

    def forget(self, host: str) -> None:
        """
        Forget a host that is gone.
        """
        if host not in self._open:
            self._state.hosts.pop(host, None)

    def _host(self, name: str) -> _Host:
        hosts = self._state.hosts
        if name not in hosts and len(hosts) >= _MOST_HOSTS:
            del hosts[next((known for known in hosts if known not in self._open), next(iter(hosts)))]
        return hosts.setdefault(name, _Host())

    def _is_host_cause(self, name: str, host: _Host, at_ns: int) -> bool:
        dead = {item.service for item in host.deaths if at_ns - self._window_ns <= item.at_ns <= at_ns}
        running = self._census.services_on(name)
        share = len(dead) / max(len(dead), len(running))
        own = [service for service in dead if self._dying_share(service, at_ns) < share or not running]
        if self._signals(host, at_ns) or self._host_words(host.deaths):
            return len(own) >= min(self._settings.host_services_with_signal, max(len(running), 1))
        return len(own) >= self._settings.host_services and self._is_unlikely(len(own), name)

    def _is_unlikely(self, dead: int, name: str) -> bool:
        """
        Return True if chance does not explain that so many of a host's services die within the window.
        """
        running = self._census.services_on(name)
        per_ns = sum(count * self._history.rate_per_ns(service) for service, count in running.items())
        return poisson_tail(dead, _PEAK * per_ns * self._window_ns) <= self._settings.host_alpha

    def _dying_share(self, service: str, at_ns: int) -> float:
        """
        Return the share of a service's hosts on which it dies; 0 where it dies on one only.
        """
        dying = len(self._recent.hosts_of(service, at_ns, self._window_ns))
        return dying / max(self._census.hosts_with(service), dying) if dying > 1 else 0.0

    def _signals(self, host: _Host, at_ns: int) -> Sequence[_Signal]:
        reach_ns = round(self._settings.signal_s * _NS_PER_S)
        return [signal for signal in host.signals if abs(at_ns - signal.at_ns) <= reach_ns]

    def _add_signal(self, origin: Origin, kind: str) -> None:
        host = self._host(origin.host)
        host.signals.append(_Signal(at_ns=origin.at_ns, kind=kind, event_id=origin.event_id))
        del host.signals[:-_MOST_SIGNALS]

    def _host_words(self, deaths: Sequence[_HostDeath]) -> list[str]:
        """
        Return the causes of deaths that name the host: it was rebooted, or Docker was shut down.
        """
        return [item.cause for item in deaths if item.cause in (Cause.HOST_REBOOT, Cause.DAEMON_SHUTDOWN)]

    def _fleet(self, name: str, host: _Host) -> Fleet:
        signals = self._signals(host, host.deaths[-1].at_ns)
        services = sorted({item.service for item in host.deaths})
        examples = [signal.event_id for signal in signals] + [item.event_id for item in host.deaths]
        return Fleet(
            kind=FleetKind.HOST_CAUSE,
            state=IncidentState.OPEN,
            incident_id=host.incident or "?",
            hosts=(name,),
            hosts_affected=1,
            hosts_total=self._census.hosts,
            services=tuple(services),
            deaths=len(host.deaths),
            cause=self._cause(host, signals),
            examples=tuple(dict.fromkeys(examples))[:_MOST_EXAMPLES],
        )

    def _cause(self, host: _Host, signals: Sequence[_Signal]) -> str:
        """
        Return what the host's own events say: a reboot, else what the kernel or Docker reports most often.
        """
        words = self._host_words(host.deaths)
        if Cause.HOST_REBOOT in words:
            return Cause.HOST_REBOOT.value
        kinds = Counter(signal.kind for signal in signals if signal.kind != DOCKER_DOWN)
        if kinds:
            return kinds.most_common(1)[0][0]
        if words:
            return Counter(words).most_common(1)[0][0]
        return DOCKER_DOWN if signals else _UNKNOWN

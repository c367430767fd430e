"""
Regressions: a service dies more often since a new version (docs/adr/0023).

Each new version is compared with the versions before it by a sequential test. The chance of a false alarm is shared
among the versions that appear within a week, so that the whole fleet keeps to one bound.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from fleet.incidents.cases import Cases
from fleet.incidents.census import Census
from fleet.incidents.comparison import Comparison, compare
from fleet.incidents.incident import Incident
from fleet.incidents.observations import Death
from fleet.incidents.open_incidents import OpenIncident, OpenIncidents
from fleet.incidents.sequential_test import e_value, rate_ratio_low
from fleet.incidents.settings import Settings
from fleet.incidents.version_history import VersionHistory
from fleet.incidents.versions import HOUR_NS, NS_PER_S, Case, Test, Version, group_of
from sinks.event import Fleet, FleetKind, IncidentState, VersionFigures
from sinks.event.ids import incident_id

_MOST_RECENT: Final = 200
_MOST_EXAMPLES: Final = 10
_MOST_HOSTS: Final = 200
_LOWER_BOUND_ALPHA: Final = 0.05


@dataclass(slots=True, kw_only=True)
class _State:
    """
    Everything that is kept.
    """

    open: dict[str, OpenIncident] = field(default_factory=dict)


class Regressions:
    """
    Compares each new version of a service with those before it.
    """

    def __init__(
        self,
        settings: Settings,
        census: Census,
        history: VersionHistory,
        cases: Cases,
        state: Any = None,  # noqa: ANN401 (JSON)
    ) -> None:
        """
        Begin with the state that `save` returned, if any.
        """
        self._settings = settings
        self._census = census
        self._history = history
        self._cases = cases
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
        return self._open.due_with(self._end_ns(key) for key in self._open.known)

    def observe(self, death: Death, service: str, now_ns: int) -> list[Incident]:
        """
        Count a bad death; return the incident that it opens, or changes.
        """
        origin = death.origin
        digest = death.digest or self._history.only_version(service)
        if digest is None or not self._cases.is_new(origin.host, service, digest, origin.at_ns):
            return []
        version = self._history.version(service, digest, death.version, origin.at_ns)
        case = Case(
            at_ns=origin.at_ns,
            host=origin.host,
            group=group_of(death.cause),
            cause=death.cause,
            event_id=origin.event_id,
        )
        hour = version.hour_of(origin.at_ns)
        hour.cases[case.group] = hour.cases.get(case.group, 0) + 1
        version.memory.add(death.memory_trend, death.memory_growth_bytes_per_min)
        self._history.count_death(origin.at_ns // HOUR_NS)
        if version.test is None:
            return []
        _add_case(version, version.test, case, now_ns)
        return self._judge(service, digest, version, version.test, now_ns)

    def advance(self, now_ns: int) -> list[Incident]:
        """
        Return the incidents that are over by now, and the changes that were held back.
        """
        found: list[Incident] = []
        for key in [key for key in self._open.known if self._end_ns(key) <= now_ns]:
            version = self._version(key)
            if version is not None:
                version.end_test()
            found += self._open.resolve(key, now_ns)
        return found + self._open.due(now_ns)

    def explained(self, *, since_ns: int, host: str | None = None, service: str | None = None) -> None:
        """
        Take back the recent cases of a host or of a service, because something else explains them.
        """
        one = self._history.service(service) if service is not None else None
        for known in self._history.services() if service is None else [one] if one is not None else []:
            for version in known.versions.values():
                if version.test is not None:
                    _take_back(version, version.test, since_ns, host)

    def young_version(self, service: str, at_ns: int) -> str | None:
        """
        Return the newest version of a service, if it is so young that a sudden death is more likely its own fault.
        """
        known = self._history.service(service)
        if known is None:
            return None
        digest, version = max(known.versions.items(), key=lambda item: item[1].first_ns)
        is_young = at_ns - version.first_ns <= self._settings.young_version_s * NS_PER_S
        return digest if is_young and version.test is not None else None

    def share_of(self, service: str, digest: str) -> float:
        """
        Return the share of a service's running containers that have this version.
        """
        known = self._history.service(service)
        versions = known.versions if known is not None else {}
        running = sum(version.running for version in versions.values())
        return versions[digest].running / running if running and digest in versions else 1.0

    def open_rate_per_ns(self, service: str) -> float:
        """
        Return how often a container of a service dies since its worst open regression, per nanosecond; 0 without one.
        """
        fleets = (incident.fleet for incident in self._open.known.values() if incident.fleet.service == service)
        figures = [fleet.after for fleet in fleets if fleet.after is not None and fleet.after.container_hours > 0]
        return max((after.deaths / (after.container_hours * HOUR_NS) for after in figures), default=0.0)

    def _judge(self, name: str, digest: str, version: Version, test: Test, now_ns: int) -> list[Incident]:
        key = f"{name}\n{digest}"
        if key not in self._open and now_ns - version.first_ns > self._settings.test_s * NS_PER_S:
            version.end_test()
            return []
        service = self._history.service(name)
        found = compare(service, version, test, now_ns) if service is not None else None
        if found is None or (key not in self._open and not self._is_regression(name, test, found)):
            return []
        version.is_bad = True
        return self._open.report(key, self._fleet(name, digest, version, test, found), now_ns)

    def _is_regression(self, name: str, test: Test, found: Comparison) -> bool:
        if found.e_value * test.alpha < 1 or found.rate_ratio < self._settings.least_rate_ratio:
            return False
        if self._census.hosts_with(name) > 1:
            rest = found.without_worst_host
            return (
                rest.after >= self._settings.least_cases_without_worst_host
                and e_value(rest) >= self._settings.least_e_without_worst_host
            )
        # On one host there is no other to compare with, but there are other services.
        window_ns = round(self._settings.alone_s * NS_PER_S)
        return not any(self._cases.others_died(case.host, name, case.at_ns, window_ns) for case in test.recent[-1:])

    def _version(self, key: str) -> Version | None:
        name, _, digest = key.partition("\n")
        service = self._history.service(name)
        return service.versions.get(digest) if service is not None else None

    def _end_ns(self, key: str) -> int:
        version = self._version(key)
        if version is None or version.test is None:
            return 0
        quiet_ns = version.test.last_case_ns + round(self._settings.regression_quiet_s * NS_PER_S)
        if version.test.gone_ns is None:
            return quiet_ns
        return min(quiet_ns, version.test.gone_ns + round(self._settings.version_gone_s * NS_PER_S))

    def _fleet(self, name: str, digest: str, version: Version, test: Test, found: Comparison) -> Fleet:
        hosts = sorted(host for host, item in version.hosts.items() if item.cases)
        before = self._version(f"{name}\n{test.baseline[0]}")
        return Fleet(
            kind=FleetKind.REGRESSION,
            state=IncidentState.OPEN,
            incident_id=incident_id(FleetKind.REGRESSION, name, f"{test.baseline[0]}/{digest}"),
            service=name,
            before=VersionFigures(
                digest=test.baseline[0],
                version=before.label if before is not None else None,
                deaths=found.counts.before,
                container_hours=found.before_hours,
                memory_trend=before.memory.trend if before is not None else None,
                memory_growth_bytes_per_min=before.memory.mean_growth_bytes_per_min if before is not None else None,
            ),
            after=VersionFigures(
                digest=digest,
                version=version.label,
                deaths=found.counts.after,
                container_hours=found.after_hours,
                memory_trend=version.memory.trend,
                memory_growth_bytes_per_min=version.memory.mean_growth_bytes_per_min,
            ),
            rate_ratio=found.rate_ratio,
            rate_ratio_low=rate_ratio_low(found.counts, _LOWER_BOUND_ALPHA),
            e_value=found.e_value,
            hosts=tuple(hosts[:_MOST_HOSTS]),
            hosts_affected=len(hosts),
            hosts_total=self._census.hosts_with(name),
            services=(name,),
            deaths=found.counts.after,
            cause=max(test.causes, key=lambda cause: (test.causes[cause], cause), default=None),
            examples=tuple(test.examples),
        )


def _add_case(version: Version, test: Test, case: Case, now_ns: int) -> None:
    cases = version.on_host(case.host).cases
    cases[case.group] = cases.get(case.group, 0) + 1
    test.causes[case.cause] = test.causes.get(case.cause, 0) + 1
    test.recent = [*test.recent, case][-_MOST_RECENT:]
    test.last_case_ns = now_ns
    if len(test.examples) < _MOST_EXAMPLES:
        test.examples.append(case.event_id)


def _take_back(version: Version, test: Test, since_ns: int, host: str | None) -> None:
    """
    Take back the recent cases of a version, on a host or on all.
    """
    for case in [case for case in test.recent if case.at_ns >= since_ns and host in (None, case.host)]:
        test.recent.remove(case)
        hour = version.hour_of(case.at_ns)
        hour.cases[case.group] = max(hour.cases.get(case.group, 0) - 1, 0)
        cases = version.hosts[case.host].cases if case.host in version.hosts else {}
        cases[case.group] = max(cases.get(case.group, 0) - 1, 0)
        test.causes[case.cause] = max(test.causes.get(case.cause, 0) - 1, 0)
        if case.event_id in test.examples:
            test.examples.remove(case.event_id)

"""
The history of all services: which versions ran where and when, how often they died, and which of them are tested.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from fleet.incidents.day_profile import FleetDay, service_profile
from fleet.incidents.observations import RunningService, Status
from fleet.incidents.settings import Settings
from fleet.incidents.versions import HOUR_NS, NS_PER_S, Service, Test, Version, cases_of, exposure_ns

_MOST_SERVICES: Final = 5000
_MOST_VERSIONS: Final = 50
_MOST_STARTS: Final = 5000
# As if a container had died once in a thousand hours.
_PRIOR_CASES: Final = 0.5
_PRIOR_NS: Final = 500 * HOUR_NS
_WEEK_NS: Final = 7 * 24 * HOUR_NS


@dataclass(slots=True, kw_only=True)
class _State:
    """
    Everything that is kept.

    Attributes:
        services: by name.
        day: the day of the whole fleet.
        on_hosts: what each host ran by its last status: pairs of service and digest.
        reported_ns: the time of the newest status of each host.
        starts_ns: when new versions appeared within the last week.
    """

    services: dict[str, Service] = field(default_factory=dict)
    day: FleetDay = field(default_factory=FleetDay)
    on_hosts: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    reported_ns: dict[str, int] = field(default_factory=dict)
    starts_ns: list[int] = field(default_factory=list)


class VersionHistory:
    """
    Keeps what the test of a new version needs.
    """

    def __init__(self, settings: Settings, state: Any = None) -> None:  # noqa: ANN401 (JSON)
        """
        Begin with the state that `save` returned, if any.
        """
        self._settings = settings
        self._state = msgspec.convert(state, _State, str_keys=True) if state is not None else _State()

    def save(self) -> bytes:
        """
        Return the state as JSON.
        """
        return msgspec.json.encode(self._state)

    def service(self, name: str) -> Service | None:
        """
        Return what is known of a service.
        """
        return self._state.services.get(name)

    def services(self) -> Sequence[Service]:
        """
        Return all services.
        """
        return list(self._state.services.values())

    def is_outdated(self, status: Status) -> bool:
        """
        Return True if a newer status of the host has arrived before.
        """
        return status.origin.at_ns < self._state.reported_ns.get(status.origin.host, 0)

    def observe(self, status: Status, now_ns: int) -> None:
        """
        Count what ran on a host, and notice new versions. An outdated status does not say what runs now.
        """
        host, at_ns = status.origin.host, status.origin.at_ns
        is_outdated = self.is_outdated(status)
        found: list[tuple[str, str]] = []
        for item in status.services:
            if item.digest is not None:
                version = self._count(item, item.digest, host, at_ns, at_ns - status.interval_ns // 2)
                found.append((item.service, item.digest))
                if not is_outdated:
                    _set_running(version, host, item.running, at_ns)
        if is_outdated:
            return
        self._state.reported_ns[host] = at_ns
        gone = set(self._state.on_hosts.get(host, ())) - {
            (item.service, item.digest) for item in status.services if item.running
        }
        self._state.on_hosts[host] = found
        for service, digest in sorted(gone):
            self._leave(service, digest, host, now_ns)

    def forget(self, host: str, now_ns: int) -> None:
        """
        Forget a host that is gone.
        """
        self._state.reported_ns.pop(host, None)
        for service, digest in self._state.on_hosts.pop(host, []):
            self._leave(service, digest, host, now_ns)

    def count_death(self, hour: int) -> None:
        """
        Count a case of a bad death in the day of the fleet.
        """
        self._state.day.add(hour, deaths=1.0)

    def only_version(self, service: str) -> str | None:
        """
        Return the digest that a service runs with, if there is only one.
        """
        known = self._state.services.get(service)
        running = [digest for digest, version in known.versions.items() if version.running] if known is not None else []
        return running[0] if len(running) == 1 else None

    def version(self, name: str, digest: str, label: str | None, at_ns: int) -> Version:
        """
        Return a version of a service; begin its test if it is new.
        """
        service = self._state.services.get(name) or self._new_service(name, at_ns)
        version = service.versions.get(digest)
        if version is None:
            self._prune(service, at_ns)
            version = Version(label=label, first_ns=at_ns, test=self._new_test(service, at_ns))
            service.versions[digest] = version
        return version

    def rate_per_ns(self, service: str) -> float:
        """
        Return how often a container of a service dies badly, per nanosecond; a usual rate while little is known.
        """
        known = self._state.services.get(service)
        versions = list(known.versions.values()) if known is not None else []
        return (sum(cases_of(versions).values()) + _PRIOR_CASES) / (exposure_ns(versions) + _PRIOR_NS)

    def _new_service(self, name: str, at_ns: int) -> Service:
        """
        Begin with a service; where there are too many, forget the oldest of which nothing runs.
        """
        services = self._state.services
        if len(services) >= _MOST_SERVICES:
            idle = (known for known, item in services.items() if not any(v.hosts for v in item.versions.values()))
            del services[next(idle, next(iter(services)))]
        services[name] = Service(first_ns=at_ns)
        return services[name]

    def _count(self, item: RunningService, digest: str, host: str, at_ns: int, middle_ns: int) -> Version:
        version = self.version(item.service, digest, item.version, at_ns)
        version.hour_of(middle_ns).container_ns += item.container_ns
        self._state.day.add(middle_ns // HOUR_NS, exposure=float(item.container_ns))
        if len(version.hours) > self._settings.history_hours:
            version.drop_before(middle_ns // HOUR_NS - self._settings.history_hours)
        if version.test is not None:
            version.on_host(host).container_ns += item.container_ns
        return version

    def _leave(self, service: str, digest: str, host: str, now_ns: int) -> None:
        """
        Note that a version no longer runs on a host.
        """
        known = self._state.services.get(service)
        version = known.versions.get(digest) if known is not None else None
        if version is None:
            return
        if version.test is None:
            version.hosts.pop(host, None)
        elif host in version.hosts:
            version.hosts[host].running = 0
            if version.test.gone_ns is None and not version.running:
                version.test.gone_ns = now_ns

    def _new_test(self, service: Service, at_ns: int) -> Test | None:
        """
        Return the test of a new version; None for the first versions of a service, which nothing can be compared with.
        """
        if at_ns - service.first_ns < self._settings.learn_service_s * NS_PER_S:
            return None
        baseline = self._baseline(service)
        if not baseline:
            return None
        versions = [service.versions[digest] for digest in baseline]
        starts_ns = [start_ns for start_ns in self._state.starts_ns if start_ns > at_ns - _WEEK_NS]
        self._state.starts_ns = [*starts_ns, at_ns][-_MOST_STARTS:]
        share = max(len(self._state.starts_ns), self._settings.least_versions_a_week)
        return Test(
            alpha=self._settings.false_regressions_a_week / share,
            baseline=baseline,
            profile=service_profile(versions, self._state.day.profile()),
        )

    def _baseline(self, service: Service) -> list[str]:
        """
        Return the versions before: the newest first, until they have run for some days, without those that were bad.
        """
        running = sum(version.running for version in service.versions.values())
        wanted_ns = self._settings.baseline_s * NS_PER_S * max(running, 1)
        found: list[str] = []
        ran_ns = 0.0
        for digest, version in sorted(service.versions.items(), key=lambda item: -item[1].first_ns):
            own_ns = exposure_ns((version,))
            if version.is_bad or not own_ns:
                continue
            found.append(digest)
            ran_ns += own_ns
            if ran_ns >= wanted_ns:
                break
        return found

    def _prune(self, service: Service, at_ns: int) -> None:
        """
        Forget what is too old to be compared with.
        """
        oldest = at_ns // HOUR_NS - self._settings.history_hours
        test_ns = round(self._settings.test_s * NS_PER_S)
        for digest, version in list(service.versions.items()):
            version.drop_before(oldest)
            if version.test is not None and not version.is_bad and at_ns - version.first_ns > test_ns:
                version.end_test()
            if not version.hours and not version.running and version.test is None:
                del service.versions[digest]
        idle = [digest for digest, version in service.versions.items() if not version.running and version.test is None]
        for digest in idle[: max(len(service.versions) - _MOST_VERSIONS, 0)]:
            del service.versions[digest]


def _set_running(version: Version, host: str, running: int, at_ns: int) -> None:
    on_host = version.on_host(host)
    on_host.running = running
    on_host.reported_ns = at_ns
    if version.test is not None and running:
        version.test.gone_ns = None

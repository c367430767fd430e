"""
What goes wrong in a simulated fleet besides bad versions, as the events that tell of it.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from fleet.simulation.events import EventMaker
from fleet.simulation.plan import DAY_S, HOUR_S, WEEK_S, PlannedService
from fleet.simulation.scenario import Scenario
from fleet.simulation.truth import Truth, TruthKind

# Makes the event when the story has come to it, from the time by the clock of the host.
Made: TypeAlias = Callable[[int], dict[str, Any]]
_FAILURES: Final = ("disk", "reboot", "dockerd", "memory", "unknown")
_FEWEST_SERVICES: Final = 4
_FEWEST_HOSTS: Final = 5
_STORM_SHARE: Final = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """
    One event of a trouble.

    Attributes:
        at_s: when, in seconds from the start.
        host: where.
        make: makes the event.
    """

    at_s: float
    host: str
    make: Made


class Troubles:
    """
    Plans what goes wrong; the truth gets an entry for each.
    """

    def __init__(
        self, scenario: Scenario, services: Sequence[PlannedService], rng: random.Random, maker: EventMaker
    ) -> None:
        """
        Begin with the services of a fleet.
        """
        self._scenario = scenario
        self._services = services
        self._rng = rng
        self._maker = maker
        self._on_host: dict[str, list[PlannedService]] = {}
        for service in services:
            for host in service.lines:
                self._on_host.setdefault(host, []).append(service)

    def plan(self, truths: list[Truth]) -> list[Trouble]:
        """
        Return all troubles.
        """
        kinds: Mapping[Callable[[float, list[Truth]], Iterator[Trouble]], float] = {
            self._crash_loop: self._scenario.crash_loops,
            self._host_failure: self._scenario.host_failures,
            self._neighbour: self._scenario.neighbours,
            self._storm: self._scenario.storms,
            self._silent_host: self._scenario.silent_hosts,
        }
        found: list[Trouble] = []
        for plan, per_week in kinds.items():
            for at_s in self._times(per_week):
                found += plan(at_s, truths)
        return found

    def _times(self, per_week: float) -> Iterator[float]:
        at_s = DAY_S
        while per_week and (at_s := at_s + self._rng.expovariate(per_week / WEEK_S)) < self._scenario.days * DAY_S:
            yield at_s

    def _crash_loop(self, at_s: float, truths: list[Truth]) -> Iterator[Trouble]:
        service = self._rng.choice(self._services)
        host = self._rng.choice(list(service.lines))
        cause, end_s = self._rng.choice(service.causes), at_s + self._rng.uniform(0.5, 8) * HOUR_S
        truths.append(Truth(kind=TruthKind.CRASH_LOOP, from_s=at_s, until_s=end_s, service=service.name, hosts=(host,)))
        while at_s < end_s:
            yield self._death(service, host, at_s, cause)
            at_s += self._rng.uniform(10, 120)

    def _host_failure(self, at_s: float, truths: list[Truth]) -> Iterator[Trouble]:
        hosts = [host for host, services in self._on_host.items() if len(services) >= _FEWEST_SERVICES]
        if not hosts:
            return
        host, way = self._rng.choice(hosts), self._rng.choice(_FAILURES)
        truths.append(Truth(kind=TruthKind.HOST_CAUSE, from_s=at_s, until_s=at_s + HOUR_S, hosts=(host,)))
        if way == "disk":
            yield Trouble(
                at_s=at_s, host=host, make=lambda now: self._maker.kernel_event(host, now, "filesystem_error")
            )
        if way == "dockerd":
            yield Trouble(at_s=at_s, host=host, make=lambda now: self._maker.docker_down(host, now))
        cause = {"reboot": "host_reboot", "dockerd": "daemon_shutdown", "memory": "oom_kill"}.get(way, "app_error")
        for service in self._on_host[host]:
            for replica in range(service.replicas):
                second = at_s + self._rng.uniform(1, 45)
                if way == "memory":
                    yield self._kill(service, host, second - 0.2, replica, None)
                yield self._death(service, host, second, cause, replica, oom="host" if way == "memory" else None)

    def _neighbour(self, at_s: float, truths: list[Truth]) -> Iterator[Trouble]:
        culprit = self._rng.choice([item for item in self._services if len(item.lines) >= _FEWEST_HOSTS])
        hosts = self._rng.sample(list(culprit.lines), self._rng.randint(2, _FEWEST_HOSTS))
        end_s = at_s + self._rng.uniform(1, 2) * HOUR_S
        truths.append(
            Truth(kind=TruthKind.NEIGHBOUR, from_s=at_s, until_s=end_s, service=culprit.name, hosts=tuple(hosts))
        )
        for host in hosts:
            victims = [service for service in self._on_host[host] if service is not culprit]
            second = at_s + self._rng.uniform(0, 600)
            while victims and second < end_s:
                for victim in self._rng.sample(victims, min(len(victims), self._rng.randint(1, 3))):
                    yield self._kill(victim, host, second, 0, culprit.name)
                    yield self._death(victim, host, second + 0.3, "oom_kill", oom="host")
                    second += 1
                second += self._rng.uniform(300, 1200)

    def _storm(self, at_s: float, truths: list[Truth]) -> Iterator[Trouble]:
        service = self._rng.choice([item for item in self._services if len(item.lines) >= _FEWEST_HOSTS])
        truths.append(
            Truth(
                kind=TruthKind.STORM,
                from_s=at_s,
                until_s=at_s + HOUR_S,
                service=service.name,
                hosts=tuple(service.lines),
            )
        )
        for host in service.lines:
            for replica in range(service.replicas):
                if self._rng.random() < _STORM_SHARE:
                    yield self._death(service, host, at_s + self._rng.uniform(0, 180), service.causes[0], replica)

    def _silent_host(self, at_s: float, truths: list[Truth]) -> Iterator[Trouble]:
        host = self._rng.choice(list(self._on_host))
        until_s = at_s + self._scenario.status_interval_s * self._rng.uniform(5, 20)
        truths.append(Truth(kind=TruthKind.SILENT_HOST, from_s=at_s, until_s=until_s, hosts=(host,)))
        return iter(())

    def _death(
        self, service: PlannedService, host: str, at_s: float, cause: str, replica: int = 0, *, oom: str | None = None
    ) -> Trouble:
        dead = service.replica(host, replica, at_s)
        return Trouble(at_s=at_s, host=host, make=lambda now: self._maker.death(dead, now, cause, oom=oom))

    def _kill(self, service: PlannedService, host: str, at_s: float, replica: int, culprit: str | None) -> Trouble:
        hit = service.replica(host, replica, at_s)
        return Trouble(at_s=at_s, host=host, make=lambda now: self._maker.kill(hit, now, culprit))

"""
The story of a simulated fleet, as its events arrive.
"""

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

from fleet.simulation.events import EventMaker, Replica, time_ns
from fleet.simulation.plan import DAY_S, HOUR_S, PlannedService, Planner
from fleet.simulation.scenario import Scenario
from fleet.simulation.troubles import Made, Trouble, Troubles
from fleet.simulation.truth import Truth, TruthKind

_HOURS_PER_DAY: Final = 24
_LATEST_S: Final = 1800.0
_SKEW_S: Final = 300.0
_AFTER_DEPLOY_S: Final = 60.0
_PROMPT_S: Final = 0.5
_LONGEST_LOOP: Final = 6
_SECOND_CAUSE: Final = 0.3


@dataclass(frozen=True, slots=True)
class Arrival:
    """
    An event that arrives.

    Attributes:
        at_ns: when, nanoseconds since 1970.
        event: a structured CloudEvent.
    """

    at_ns: int
    event: dict[str, Any]


def simulate(scenario: Scenario) -> tuple[Iterator[Arrival], list[Truth]]:
    """
    Return the events of a fleet in the order in which they arrive, and what really happened.
    """
    rng = random.Random(scenario.seed)  # noqa: S311 (no secret)
    truths: list[Truth] = []
    hosts = [f"host-{number}" for number in range(scenario.hosts)]
    planner = Planner(scenario, rng, truths)
    services = [planner.service(f"service-{number}", hosts) for number in range(scenario.services)]
    maker = EventMaker(rng)
    troubles = Troubles(scenario, services, rng, maker).plan(truths)
    story = _Story(scenario=scenario, rng=rng, maker=maker, services=services, hosts=hosts, truths=truths)
    return story.arrivals(troubles), truths


class _Story:
    """
    Tells what happens, hour by hour.
    """

    def __init__(
        self,
        *,
        scenario: Scenario,
        rng: random.Random,
        maker: EventMaker,
        services: Sequence[PlannedService],
        hosts: Sequence[str],
        truths: Sequence[Truth],
    ) -> None:
        self._scenario = scenario
        self._rng = rng
        self._maker = maker
        self._services = services
        self._silent = [truth for truth in truths if truth.kind is TruthKind.SILENT_HOST]
        self._skew_ns = {
            host: round(rng.uniform(-_SKEW_S, _SKEW_S) * 1e9) if rng.random() < scenario.skewed_share else 0
            for host in hosts
        }
        self._last_status_s = dict.fromkeys(hosts, 0.0)
        self._next_status_s = {host: rng.uniform(0, scenario.status_interval_s) for host in hosts}
        self._on_host: Mapping[str, list[PlannedService]] = {
            host: [service for service in services if host in service.lines] for host in hosts
        }
        switches = (
            (second + _AFTER_DEPLOY_S, host)
            for service in services
            for host, line in service.lines.items()
            for second in line.times[1:]
        )
        self._switches = sorted(switches, reverse=True)

    def arrivals(self, troubles: list[Trouble]) -> Iterator[Arrival]:
        """
        Yield all events in the order in which they arrive.
        """
        troubles.sort(key=attrgetter("at_s"), reverse=True)
        waiting: list[Arrival] = []
        for hour in range(math.ceil(self._scenario.days * _HOURS_PER_DAY)):
            from_s, until_s = hour * HOUR_S, (hour + 1) * HOUR_S
            moments = [(trouble.at_s, trouble.host, trouble.make) for trouble in _before(troubles, until_s)]
            for service in self._services:
                moments += self._deaths(service, from_s)
            moments += self._statuses(until_s)
            for second, host, make in moments:
                waiting += self._sent(second, host, make)
            waiting.sort(key=attrgetter("at_ns"))
            end_ns = time_ns(until_s)
            ready = next((index for index, item in enumerate(waiting) if item.at_ns >= end_ns), len(waiting))
            yield from waiting[:ready]
            del waiting[:ready]
        yield from waiting

    def _deaths(self, service: PlannedService, from_s: float) -> Iterator[tuple[float, str, Made]]:
        """
        Yield the deaths of a service within an hour.
        """
        rng, largest = self._rng, service.largest_ratio
        swing = self._scenario.day_swing
        by_day = 1 + swing * math.sin(2 * math.pi * (from_s / DAY_S - 0.375))
        hosts = list(service.lines)
        rate = service.rate * service.replicas * len(hosts) * largest * by_day
        second = from_s
        while (second := second + rng.expovariate(rate)) < from_s + HOUR_S:
            host = hosts[int(rng.random() * len(hosts))]
            if rng.random() * largest >= service.ratio_at(host, second):
                continue
            replica, cause = rng.randrange(service.replicas), service.causes[rng.random() < _SECOND_CAUSE]
            times = rng.randint(2, _LONGEST_LOOP) if rng.random() < self._scenario.loop_share else 1
            at_s = second
            for _ in range(times):
                yield at_s, host, self._death(service.replica(host, replica, at_s), cause)
                at_s += rng.uniform(10, 120)

    def _death(self, replica: Replica, cause: str) -> Made:
        return lambda now: self._maker.death(replica, now, cause)

    def _statuses(self, until_s: float) -> Iterator[tuple[float, str, Made]]:
        """
        Yield the statuses of all hosts up to a time.
        """
        times: list[tuple[float, str]] = []
        while self._switches and self._switches[-1][0] < until_s:
            times.append(self._switches.pop())
        for host, next_s in self._next_status_s.items():
            second = next_s
            while second < until_s:
                times.append((second, host))
                second += self._scenario.status_interval_s
            self._next_status_s[host] = second
        for second, host in sorted(times):
            from_s, self._last_status_s[host] = self._last_status_s[host], second
            yield second, host, self._status(host, from_s, second)

    def _status(self, host: str, from_s: float, until_s: float) -> Made:
        entries = []
        for service in self._on_host[host]:
            line = service.lines[host]
            current = line.at(until_s)
            parts = {current: 0.0, **line.parts(from_s, until_s)}
            for digest, ran_s in parts.items():
                running = service.replicas if digest == current else 0
                entries.append((service.name, digest, running, ran_s * service.replicas))
        return lambda now: self._maker.status(host, now, self._scenario.status_interval_s, entries)

    def _sent(self, second: float, host: str, make: Made) -> Iterator[Arrival]:
        """
        Yield an event as it arrives: perhaps late, perhaps twice, not at all while the agent is down.
        """
        if any(host in truth.hosts and truth.from_s <= second < truth.until_s for truth in self._silent):
            return
        rng, at_ns = self._rng, time_ns(second)
        event = make(at_ns + self._skew_ns[host])
        is_late = rng.random() < self._scenario.late_share
        arrived_ns = at_ns + round(rng.uniform(0, _LATEST_S if is_late else _PROMPT_S) * 1e9)
        yield Arrival(arrived_ns, event)
        if rng.random() < self._scenario.repeated_share:
            yield Arrival(arrived_ns + round(rng.uniform(0, _LATEST_S) * 1e9), event)


def _before(troubles: list[Trouble], until_s: float) -> Iterator[Trouble]:
    while troubles and troubles[-1].at_s < until_s:
        yield troubles.pop()

"""
Who runs what where, and which versions are deployed when.
"""

import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from fleet.simulation.events import Replica
from fleet.simulation.scenario import Scenario
from fleet.simulation.truth import Truth, TruthKind

DAY_S: Final = 86_400.0
WEEK_S: Final = 7 * DAY_S
HOUR_S: Final = 3600.0
CAUSES: Final = ("app_error", "crash", "oom_kill", "oom_kill_child", "start_failed", "unknown")
_STEP_S: Final = 20.0
_CANARY_S: Final = 6 * HOUR_S
_MIXED_S: Final = 2 * DAY_S
_ROLLED_BACK_S: Final = 5 * HOUR_S
_FIXED_S: Final = 4 * DAY_S
# The detectors know the fleet by then.
_FIRST_REGRESSION_S: Final = 3 * DAY_S
_BAD_HOST_RATIO: Final = 20.0


@dataclass(slots=True, kw_only=True)
class Line:
    """
    The versions of a service on one host: from when on which digest runs, in seconds from the start.
    """

    times: list[float] = field(default_factory=lambda: [0.0])
    digests: list[str] = field(default_factory=list)

    def at(self, second: float) -> str:
        """
        Return the digest that runs at a time.
        """
        return self.digests[bisect_right(self.times, second) - 1]

    def switch(self, second: float, digest: str) -> None:
        """
        Run another version from a time on; times only grow.
        """
        if second > self.times[-1] and digest != self.digests[-1]:
            self.times.append(second)
            self.digests.append(digest)

    def parts(self, from_s: float, until_s: float) -> dict[str, float]:
        """
        Return how long each version ran within a span of time, in seconds.
        """
        found: dict[str, float] = {}
        index = max(bisect_right(self.times, from_s) - 1, 0)
        while from_s < until_s:
            end_s = min(self.times[index + 1] if index + 1 < len(self.times) else until_s, until_s)
            found[self.digests[index]] = found.get(self.digests[index], 0.0) + end_s - from_s
            from_s, index = end_s, index + 1
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class BadHost:
    """
    A host on which one service dies more often for a while, whatever its version.
    """

    host: str
    from_s: float
    until_s: float


@dataclass(slots=True, kw_only=True)
class PlannedService:
    """
    A service.

    Attributes:
        replicas: containers on each host.
        rate: deaths per container and second, on average over a day.
        causes: the causes of its deaths, the most frequent first.
        lines: its versions on each of its hosts.
        ratios: how many times as often a version dies.
        bad_hosts: hosts of canaries that are bad.
    """

    name: str
    replicas: int
    rate: float
    causes: tuple[str, ...]
    lines: dict[str, Line] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    bad_hosts: list[BadHost] = field(default_factory=list)

    def ratio_at(self, host: str, second: float) -> float:
        """
        Return how many times as often as usual a container dies on a host at a time.
        """
        ratio = self.ratios[self.lines[host].at(second)]
        is_bad = any(bad.host == host and bad.from_s <= second < bad.until_s for bad in self.bad_hosts)
        return ratio * _BAD_HOST_RATIO if is_bad else ratio

    def replica(self, host: str, number: int, second: float) -> Replica:
        """
        Return a container of the service as it is at a time.
        """
        return Replica(host=host, service=self.name, number=number, digest=self.lines[host].at(second))

    @property
    def largest_ratio(self) -> float:
        """
        The greatest value of `ratio_at`.
        """
        return max(self.ratios.values()) * (_BAD_HOST_RATIO if self.bad_hosts else 1.0)


class Planner:
    """
    Plans the services of a fleet; what it plans to go wrong is added to the truth.
    """

    def __init__(self, scenario: Scenario, rng: random.Random, truths: list[Truth]) -> None:
        """
        Begin with a scenario.
        """
        self._scenario = scenario
        self._rng = rng
        self._truths = truths

    def service(self, name: str, hosts: Sequence[str]) -> PlannedService:
        """
        Place a service on some of these hosts and plan its deploys.
        """
        scenario, rng = self._scenario, self._rng
        span = rng.random()
        service = PlannedService(
            name=name,
            replicas=rng.randint(1, scenario.replicas),
            rate=1 / (scenario.commonest_death_s ** (1 - span) * scenario.rarest_death_s**span),
            causes=tuple(rng.sample(CAUSES, 2)),
        )
        current = self._new_digest(service, 1.0)
        for host in sorted(rng.sample(hosts, max(1, round(rng.choice(scenario.shares) * len(hosts))))):
            service.lines[host] = Line(digests=[current])
        at_s = rng.expovariate(scenario.deploys / WEEK_S) + HOUR_S
        while at_s < scenario.days * DAY_S:
            at_s, current = self._deploy(service, at_s, current)
            at_s += rng.expovariate(scenario.deploys / WEEK_S) + HOUR_S
        return service

    def _deploy(self, service: PlannedService, at_s: float, current: str) -> tuple[float, str]:
        """
        Deploy a new version. Return when that is done, and which version runs then.
        """
        rng = self._rng
        is_bad = at_s > _FIRST_REGRESSION_S and rng.random() < self._scenario.regressions
        ratio = rng.choice(self._scenario.ratios) if is_bad else 1.0
        digest = self._new_digest(service, ratio)
        hosts = list(service.lines)
        rng.shuffle(hosts)
        way = rng.choice(("at once", "at once", "canary", "mixed", "rollback"))
        end_s = at_s
        if way == "canary":
            self._canary(service, hosts[0], at_s, digest)
            end_s = _roll(service, hosts[1:], at_s + _CANARY_S, digest)
        elif way == "mixed":
            _roll(service, hosts[: len(hosts) // 2], at_s, digest)
            end_s = _roll(service, hosts[len(hosts) // 2 :], at_s + _MIXED_S, digest)
        else:
            end_s = _roll(service, hosts, at_s, digest)
        if is_bad:
            self._truths.append(
                Truth(
                    kind=TruthKind.REGRESSION,
                    from_s=at_s,
                    until_s=end_s + _FIXED_S,
                    service=service.name,
                    digest=digest,
                    ratio=ratio,
                    hosts=tuple(hosts),
                )
            )
            return _roll(service, hosts, end_s + _FIXED_S, current), current
        if way == "rollback":
            return _roll(service, hosts, end_s + _ROLLED_BACK_S, current), current
        return end_s, digest

    def _canary(self, service: PlannedService, host: str, at_s: float, digest: str) -> None:
        _roll(service, [host], at_s, digest)
        if self._rng.random() < self._scenario.bad_canaries:
            service.bad_hosts.append(BadHost(host=host, from_s=at_s, until_s=at_s + _CANARY_S))
            self._truths.append(
                Truth(
                    kind=TruthKind.BAD_CANARY,
                    from_s=at_s,
                    until_s=at_s + _CANARY_S,
                    service=service.name,
                    digest=digest,
                    hosts=(host,),
                )
            )

    def _new_digest(self, service: PlannedService, ratio: float) -> str:
        digest = f"sha256:{self._rng.getrandbits(256):064x}"
        service.ratios[digest] = ratio
        return digest


def _roll(service: PlannedService, hosts: Sequence[str], at_s: float, digest: str) -> float:
    for number, host in enumerate(hosts):
        service.lines[host].switch(at_s + number * _STEP_S, digest)
    return at_s + len(hosts) * _STEP_S

"""
What is kept of each version of a service: how long its containers ran, and how often they died, by the hour.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sinks.event import Cause

NS_PER_S: Final = 1_000_000_000
HOUR_NS: Final = 3600 * NS_PER_S
HOURS_PER_DAY: Final = 24


class CauseGroup(StrEnum):
    """
    Causes of bad deaths that are tested together.
    """

    MEMORY = "memory"
    CRASH = "crash"
    ERROR = "error"
    START = "start"
    OTHER = "other"


_GROUPS: Final[Mapping[str, CauseGroup]] = {
    Cause.OOM_KILL: CauseGroup.MEMORY,
    Cause.OOM_KILL_CHILD: CauseGroup.MEMORY,
    Cause.USER_SPACE_OOM: CauseGroup.MEMORY,
    Cause.CRASH: CauseGroup.CRASH,
    Cause.APP_ERROR: CauseGroup.ERROR,
    Cause.START_FAILED: CauseGroup.START,
}


def group_of(cause: str) -> CauseGroup:
    """
    Return the group of a cause.
    """
    return _GROUPS.get(cause, CauseGroup.OTHER)


@dataclass(slots=True, kw_only=True)
class Hour:
    """
    One hour of a version.

    Attributes:
        container_ns: how long its containers ran, added up.
        cases: cases of bad deaths by group of cause.
    """

    container_ns: int = 0
    cases: dict[CauseGroup, int] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class MemoryBefore:
    """
    How the memory of a version developed before its deaths, as far as the agents say.

    Attributes:
        trends: deaths by the shape of the curve before them.
        growth_bytes_per_min: the growth before each death, added up.
        growths: of how many deaths.
    """

    trends: dict[str, int] = field(default_factory=dict)
    growth_bytes_per_min: float = 0.0
    growths: int = 0

    def add(self, trend: str | None, growth_bytes_per_min: float | None) -> None:
        """
        Note a death.
        """
        if trend is not None:
            self.trends[trend] = self.trends.get(trend, 0) + 1
        if growth_bytes_per_min is not None:
            self.growth_bytes_per_min += growth_bytes_per_min
            self.growths += 1

    @property
    def trend(self) -> str | None:
        """
        The most frequent shape.
        """
        return max(self.trends, key=lambda trend: (self.trends[trend], trend), default=None)

    @property
    def mean_growth_bytes_per_min(self) -> float | None:
        """
        The mean growth.
        """
        return self.growth_bytes_per_min / self.growths if self.growths else None


@dataclass(slots=True, kw_only=True)
class OnHost:
    """
    One version on one host.

    Attributes:
        running: containers by the last status.
        reported_ns: the time of that status.
        container_ns: how long its containers ran, added up, since it is tested.
        cases: cases of bad deaths by group of cause, since it is tested.
    """

    running: int = 0
    reported_ns: int = 0
    container_ns: int = 0
    cases: dict[CauseGroup, int] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Case:
    """
    A recent case of a tested version, so that it can be taken back when something else explains it.
    """

    at_ns: int
    host: str
    group: CauseGroup
    cause: str
    event_id: str


@dataclass(slots=True, kw_only=True)
class Test:
    """
    The test of a new version.

    Attributes:
        alpha: its share of the chance of a false alarm.
        baseline: digests of the versions that it is compared with.
        profile: how the hours of a day differ in the service's death rate; the mean is 1.
        causes: bad deaths by cause, in cases.
        recent: the latest cases.
        examples: ids of the first deaths.
        last_case_ns: when the last case arrived.
        gone_ns: since when no container of it runs; None if one does.
    """

    alpha: float
    baseline: list[str]
    profile: list[float]
    causes: dict[str, int] = field(default_factory=dict)
    recent: list[Case] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)
    last_case_ns: int = 0
    gone_ns: int | None = None


@dataclass(slots=True, kw_only=True)
class Version:
    """
    One version of a service.

    Attributes:
        label: `service.version`.
        first_ns: when it was first seen.
        hours: by the number of hours since 1970.
        hosts: where it runs, or ran while it was tested.
        memory: how its memory developed before its deaths.
        is_bad: whether it was reported as a regression.
        test: its test, while it is new.
    """

    label: str | None
    first_ns: int
    hours: dict[int, Hour] = field(default_factory=dict)
    hosts: dict[str, OnHost] = field(default_factory=dict)
    memory: MemoryBefore = field(default_factory=MemoryBefore)
    is_bad: bool = False
    test: Test | None = None

    @property
    def running(self) -> int:
        """
        How many containers run, by the latest statuses.
        """
        return sum(host.running for host in self.hosts.values())

    def hour_of(self, at_ns: int) -> Hour:
        """
        Return the hour of a time.
        """
        number = at_ns // HOUR_NS
        hour = self.hours.get(number)
        if hour is None:
            hour = self.hours[number] = Hour()
        return hour

    def on_host(self, host: str) -> OnHost:
        """
        Return what is known of the version on a host.
        """
        known = self.hosts.get(host)
        if known is None:
            known = self.hosts[host] = OnHost()
        return known

    def unreported_ns(self, now_ns: int) -> int:
        """
        Return how long its containers have run since the statuses, added up, if they still run.
        """
        return sum(host.running * max(now_ns - host.reported_ns, 0) for host in self.hosts.values() if host.running)

    def end_test(self) -> None:
        """
        End the test; hosts without a running container are forgotten.
        """
        self.test = None
        self.hosts = {host: item for host, item in self.hosts.items() if item.running}

    def drop_before(self, hour: int) -> None:
        """
        Forget the hours before this one.
        """
        for old in [known for known in self.hours if known < hour]:
            del self.hours[old]


@dataclass(slots=True, kw_only=True)
class Service:
    """
    A service with its versions by digest, the oldest first.
    """

    first_ns: int
    versions: dict[str, Version] = field(default_factory=dict)


def cases_of(versions: Iterable[Version]) -> Mapping[CauseGroup, int]:
    """
    Return the cases of versions by group of cause.
    """
    found = dict.fromkeys(CauseGroup, 0)
    for version in versions:
        for hour in version.hours.values():
            for group, count in hour.cases.items():
                found[group] += count
    return found


def exposure_ns(versions: Iterable[Version], profile: list[float] | None = None) -> float:
    """
    Return how long the containers of versions ran, each hour weighted by the profile of the day.
    """
    hours = (item for version in versions for item in version.hours.items())
    if profile is None:
        return float(sum([hour.container_ns for _, hour in hours]))
    return sum([hour.container_ns * profile[number % HOURS_PER_DAY] for number, hour in hours])

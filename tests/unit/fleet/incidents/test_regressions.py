"""
Regressions.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from fleet.incidents import Detector, Incident
from sinks.event import FleetKind, IncidentState
from tests.shared.fleet_events import at, death, status

HOSTS = tuple("abcdefghij")
HOUR = 3600
OLD, NEW = "sha256:a", "sha256:b"


class Story:
    """
    A fleet of ten hosts that reports every hour. The service `api` has run for four days and died twelve times.
    """

    def __init__(self, hosts: tuple[str, ...] = HOSTS) -> None:
        self.detector = Detector()
        self.hosts = hosts
        self.versions = dict.fromkeys(hosts, OLD)
        self.second = 0
        self.incidents: list[Incident] = []
        for number in range(12):
            self.hours(8)
            self.die(hosts[number % len(hosts)])

    def hours(self, count: int) -> None:
        """
        Let hours pass in which nothing dies.
        """
        for _ in range(count):
            self.second += HOUR
            for host in self.hosts:
                running = {("api", self.versions[host]): 4, ("web", OLD): 1}
                self.take(status(host, self.second, running, interval_s=HOUR))

    def deploy(self, *hosts: str, digest: str = NEW) -> None:
        """
        Run another version on these hosts, or on all.
        """
        for host in hosts or self.hosts:
            self.versions[host] = digest
        self.second += 60
        for host in hosts or self.hosts:
            running = {("api", self.versions[host]): 4, ("web", OLD): 1}
            self.take(status(host, self.second, running, interval_s=HOUR, covers_s=60))

    def die(self, host: str, *, service: str = "api", cause: str = "app_error", trend: str | None = None) -> None:
        """
        Let a container die.
        """
        self.second += 1
        digest = self.versions[host] if service == "api" else OLD
        number = str(self.second)
        self.take(death(host, self.second, service, digest=digest, cause=cause, container=number, trend=trend))

    def take(self, event: dict[str, Any]) -> None:
        self.incidents += self.detector.observe(event, at(self.second))

    @property
    def regressions(self) -> list[Incident]:
        return [incident for incident in self.incidents if incident.fleet.kind is FleetKind.REGRESSION]


def turns(hosts: tuple[str, ...] = HOSTS) -> Iterator[str]:
    while True:
        yield from hosts


def test_a_version_that_dies_more_often_is_a_regression() -> None:
    """
    Its figures, both versions and the events that prove it are in the incident.
    """
    story = Story()
    story.deploy()
    for _, host in zip(range(8), turns(), strict=False):
        story.hours(1)
        story.die(host, cause="oom_kill")
    opened = story.regressions[0].fleet
    assert (opened.state, opened.service, opened.cause) == (IncidentState.OPEN, "api", "oom_kill")
    assert opened.before is not None
    assert opened.after is not None
    assert (opened.before.digest, opened.after.digest) == (OLD, NEW)
    assert 2 <= opened.after.deaths <= 5
    assert opened.before.container_hours == pytest.approx(96 * 40, rel=0.05)
    assert opened.rate_ratio is not None
    assert opened.rate_ratio_low is not None
    assert opened.rate_ratio > opened.rate_ratio_low > 1
    assert (opened.hosts_affected, opened.hosts_total) == (opened.after.deaths, 10)
    assert len(opened.examples) == opened.after.deaths


def test_the_memory_of_both_versions_is_compared() -> None:
    """
    The shape before most deaths, and the mean growth.
    """
    story = Story()
    story.die("c", trend="steady")
    story.deploy()
    for _, host in zip(range(8), turns(), strict=False):
        story.hours(1)
        story.die(host, cause="oom_kill", trend="leak")
    opened = story.regressions[0].fleet
    assert opened.before is not None
    assert opened.after is not None
    assert (opened.before.memory_trend, opened.after.memory_trend) == ("steady", "leak")
    assert opened.after.memory_growth_bytes_per_min == 1e6


def test_a_version_that_dies_as_before_is_none() -> None:
    """
    As often as the one before.
    """
    story = Story()
    story.deploy()
    for _, host in zip(range(12), turns(), strict=False):
        story.hours(8)
        story.die(host)
    assert story.regressions == []


def test_a_crash_loop_is_one_case() -> None:
    """
    One container that dies a hundred times says no more than one that dies once.
    """
    story = Story()
    story.deploy()
    for _ in range(100):
        story.second += 60
        story.die("a")
    assert story.regressions == []


def test_a_canary_on_a_bad_host_is_none() -> None:
    """
    Only one host has the new version, and it may be the host.
    """
    story = Story()
    story.deploy("a")
    for _ in range(20):
        story.hours(1)
        story.die("a")
    assert story.regressions == []


def test_one_bad_host_after_a_deploy_is_none() -> None:
    """
    Without the host with the most deaths nothing is left.
    """
    story = Story()
    story.deploy()
    story.hours(4)
    story.die("b")
    for _ in range(20):
        story.hours(1)
        story.die("a")
    assert story.regressions == []


@pytest.mark.parametrize("cause", ["docker_stop", "docker_kill", "exit", "signal", "host_reboot", "daemon_shutdown"])
def test_what_the_program_did_not_do_never_counts(cause: str) -> None:
    """
    Deploys stop containers, operators and hosts end them.
    """
    story = Story()
    story.deploy()
    for _, host in zip(range(20), turns(), strict=False):
        story.hours(1)
        story.die(host, cause=cause)
    assert story.regressions == []


def test_the_first_version_of_a_service_is_compared_with_nothing() -> None:
    """
    Whatever it does.
    """
    story = Story()
    for _, host in zip(range(20), turns(), strict=False):
        story.hours(1)
        story.die(host)
    assert story.regressions == []


def test_a_version_that_was_rolled_back_is_resolved() -> None:
    """
    Ten minutes after its last container, and the old version is no new one.
    """
    story = Story()
    story.deploy()
    for _, host in zip(range(8), turns(), strict=False):
        story.hours(1)
        story.die(host)
    story.deploy(digest=OLD)
    story.hours(2)
    assert story.regressions[-1].fleet.state is IncidentState.RESOLVED
    assert len({incident.fleet.incident_id for incident in story.regressions}) == 1


def test_the_next_version_is_compared_with_the_last_good_one() -> None:
    """
    A bad version is no measure.
    """
    story = Story()
    story.deploy()
    for _, host in zip(range(8), turns(), strict=False):
        story.hours(1)
        story.die(host)
    story.deploy(digest="sha256:c")
    for _, host in zip(range(8), turns(), strict=False):
        story.hours(1)
        story.die(host)
    last = story.regressions[-1].fleet
    assert last.before is not None
    assert last.after is not None
    assert (last.before.digest, last.after.digest) == (OLD, "sha256:c")


def test_a_new_version_that_runs_beside_the_old_one_is_compared_with_it() -> None:
    """
    Half of the hosts have it.
    """
    story = Story()
    story.deploy(*HOSTS[:5])
    for _, host in zip(range(8), turns(HOSTS[:5]), strict=False):
        story.hours(1)
        story.die(host)
    assert story.regressions[0].fleet.state is IncidentState.OPEN


def test_a_service_on_one_host_can_have_a_regression() -> None:
    """
    There is no other host, but there are other services, and they live.
    """
    story = Story(("a",))
    story.deploy()
    for _ in range(12):
        story.hours(1)
        story.die("a")
    assert story.regressions[0].fleet.service == "api"


def test_on_one_host_other_services_that_die_speak_for_the_host() -> None:
    """
    Then it is not the version.
    """
    story = Story(("a",))
    story.deploy()
    for _ in range(12):
        story.hours(1)
        story.die("a", service="web")
        story.die("a")
    assert story.regressions == []


def test_deaths_before_the_first_status_prove_nothing() -> None:
    """
    How long a version ran is not known then.
    """
    story = Story()
    for host in HOSTS[:6]:
        story.take(death(host, story.second, "api", digest=NEW))
    assert story.regressions == []

"""
Host causes.
"""

from typing import Any

import pytest

from fleet.incidents import Detector, Incident
from sinks.event import FleetKind, IncidentState
from tests.shared.fleet_events import at, death, kernel_event, kill, status

SERVICES = {(f"s{number}", "sha256:a"): 1 for number in range(6)}
HOSTS = "abcdefgh"


def fleet() -> Detector:
    """
    Return a detector that knows eight hosts with the same six services.
    """
    detector = Detector()
    for host in HOSTS:
        detector.observe(status(host, 0, SERVICES), at(0))
    return detector


def incidents_of(detector: Detector, events: list[tuple[float, dict[str, Any]]]) -> list[Incident]:
    """
    Let events arrive, and return the host causes.
    """
    found = [incident for second, event in events for incident in detector.observe(event, at(second))]
    return [incident for incident in found if incident.fleet.kind is FleetKind.HOST_CAUSE]


def deaths_on(host: str, services: int, *, cause: str = "app_error", from_s: float = 10) -> list[Any]:
    return [(from_s + number, death(host, from_s + number, f"s{number}", cause=cause)) for number in range(services)]


def test_many_services_that_die_on_one_host_are_one_incident() -> None:
    """
    It opens with the third service, and names all hosts, services and events that belong to it.
    """
    (incident,) = incidents_of(fleet(), deaths_on("a", 6))
    assert (incident.fleet.state, incident.at_ns) == (IncidentState.OPEN, at(12))
    assert (incident.fleet.hosts, incident.fleet.hosts_total) == (("a",), 8)
    assert incident.fleet.services == ("s0", "s1", "s2")
    assert len(incident.fleet.examples) == 3
    assert incident.fleet.cause == "unknown"


def test_two_services_are_no_host_cause() -> None:
    """
    Two deaths within minutes happen by chance.
    """
    assert incidents_of(fleet(), deaths_on("a", 2)) == []


def test_a_crash_loop_is_no_host_cause() -> None:
    """
    One service that dies again and again speaks of itself.
    """
    assert incidents_of(fleet(), [(second, death("a", second, "s0")) for second in range(10, 300, 10)]) == []


@pytest.mark.parametrize("cause", ["docker_stop", "docker_kill", "docker_rm", "docker_stop_timeout", "exit"])
def test_what_somebody_ordered_is_no_host_cause(cause: str) -> None:
    """
    Nor are the runs that ended well.
    """
    assert incidents_of(fleet(), deaths_on("a", 6, cause=cause)) == []


@pytest.mark.parametrize("kind", ["filesystem_error", "memory_error", "gpu_error", "hung_task", "soft_lockup"])
def test_the_cause_is_what_the_host_says(kind: str) -> None:
    """
    Two services are enough where the kernel of the host reports an error.
    """
    events = [(5.0, kernel_event("a", 5, kind)), *deaths_on("a", 2)]
    (incident,) = incidents_of(fleet(), events)
    assert incident.fleet.cause == kind
    assert incident.fleet.examples[0] == events[0][1]["id"]


def test_a_reboot_is_named() -> None:
    """
    By the deaths themselves.
    """
    (incident,) = incidents_of(fleet(), deaths_on("a", 3, cause="host_reboot"))
    assert incident.fleet.cause == "host_reboot"


def test_a_host_without_memory_is_named() -> None:
    """
    By kills of the whole host that name no culprit.
    """
    events = [(5.0, kill("a", 5, "s0")), *deaths_on("a", 2, cause="oom_kill")]
    (incident,) = incidents_of(fleet(), events)
    assert incident.fleet.cause == "host_out_of_memory"


def test_services_that_die_everywhere_are_no_host_cause() -> None:
    """
    Three of six services lose their database: they die on every host, and no host is to blame.
    """
    events = [(10 + n, death(host, 10 + n, f"s{n}")) for n in range(3) for host in HOSTS]
    assert incidents_of(fleet(), events) == []


def test_hosts_that_fail_together_are_incidents_of_their_own() -> None:
    """
    A rack loses power: on each of its hosts nearly everything dies, and elsewhere nothing.
    """
    events = [(10 + n, death(host, 10 + n, f"s{n}")) for n in range(6) for host in "ab"]
    assert {incident.fleet.hosts for incident in incidents_of(fleet(), events)} == {("a",), ("b",)}


def test_it_is_over_when_nothing_has_died_for_a_while() -> None:
    """
    Further deaths are reported at most once per interval before that.
    """
    detector = fleet()
    incidents_of(detector, deaths_on("a", 6))
    found = [item for item in detector.advance(at(3600)) if item.fleet.kind is FleetKind.HOST_CAUSE]
    assert [item.fleet.state for item in found] == [IncidentState.UPDATED, IncidentState.RESOLVED]
    assert [item.at_ns for item in found] == [at(12 + 600), at(15 + 900)]
    assert found[-1].fleet.deaths == 6

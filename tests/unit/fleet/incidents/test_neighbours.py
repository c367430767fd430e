"""
Neighbours.
"""

from typing import Any

from fleet.incidents import Detector, Incident
from sinks.event import FleetKind, IncidentState
from tests.shared.fleet_events import at, death, kill, status

SERVICES = {("hog", "sha256:a"): 1, ("api", "sha256:a"): 1, ("web", "sha256:a"): 1, ("db", "sha256:a"): 1}


def fleet() -> Detector:
    detector = Detector()
    for host in "abc":
        detector.observe(status(host, 0, SERVICES), at(0))
    return detector


def take(detector: Detector, *events: tuple[float, dict[str, Any]]) -> list[Incident]:
    return [incident for second, event in events for incident in detector.observe(event, at(second))]


def test_a_service_that_takes_memory_on_two_hosts_is_a_neighbour() -> None:
    """
    The incident names it, and the services whose containers were killed.
    """
    first, second = kill("a", 10, "api", culprit="hog"), kill("b", 400, "web", culprit="hog")
    (incident,) = take(fleet(), (10, first), (400, second))
    assert (incident.fleet.kind, incident.fleet.service) == (FleetKind.NEIGHBOUR, "hog")
    assert (incident.fleet.services, incident.fleet.hosts) == (("api", "web"), ("a", "b"))
    assert incident.fleet.examples == (first["id"], second["id"])


def test_one_kill_is_no_incident() -> None:
    """
    Two are, on two hosts; three on one.
    """
    detector = fleet()
    assert take(detector, (10, kill("a", 10, "api", culprit="hog")), (90, kill("a", 90, "api", culprit="hog"))) == []
    assert len(take(detector, (150, kill("a", 150, "web", culprit="hog")))) == 1


def test_a_service_that_takes_its_own_memory_is_no_neighbour() -> None:
    """
    It only hurts itself.
    """
    events = [(second, kill(host, second, "hog", culprit="hog")) for second, host in ((10, "a"), (20, "b"), (30, "c"))]
    assert take(fleet(), *events) == []


def test_the_deaths_that_a_neighbour_caused_are_not_held_against_the_host() -> None:
    """
    Three services die on one host, and none of it is the host.
    """
    events = []
    for second, service in ((10, "api"), (12, "web"), (14, "db")):
        killed = kill("a", second, service, culprit="hog")
        events += [
            (second, killed),
            (second + 1, death("a", second + 1, service, cause="oom_kill", scope="host", kills=(killed["id"],))),
        ]
    assert {incident.fleet.kind for incident in take(fleet(), *events)} == {FleetKind.NEIGHBOUR}


def test_it_is_over_two_hours_after_the_last_kill() -> None:
    """
    The same incident.
    """
    detector = fleet()
    (opened,) = take(detector, (10, kill("a", 10, "api", culprit="hog")), (20, kill("b", 20, "api", culprit="hog")))
    found = [item for item in detector.advance(at(8000)) if item.fleet.kind is FleetKind.NEIGHBOUR]
    assert [item.fleet.state for item in found] == [IncidentState.RESOLVED]
    assert found[0].fleet.incident_id == opened.fleet.incident_id

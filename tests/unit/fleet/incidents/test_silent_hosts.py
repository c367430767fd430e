"""
Silent hosts.
"""

from fleet.incidents import Detector, Incident
from sinks.event import FleetKind, IncidentState
from tests.shared.fleet_events import at, status

RUNNING = {("api", "sha256:a"): 2}


def incidents_of(detector: Detector, hosts: str, from_s: int, until_s: int) -> list[Incident]:
    """
    Let these hosts report every minute, and return what was found.
    """
    found: list[Incident] = []
    for second in range(from_s, until_s, 60):
        for host in hosts:
            found += detector.observe(status(host, second, RUNNING), at(second))
    return found + detector.advance(at(until_s))


def test_a_host_that_stops_reporting_is_silent_after_three_intervals() -> None:
    """
    One incident, at the third interval without a status.
    """
    detector = Detector()
    assert incidents_of(detector, "abc", 0, 600) == []
    (incident,) = incidents_of(detector, "bc", 600, 1200)
    assert (incident.fleet.kind, incident.fleet.state) == (FleetKind.SILENT_HOST, IncidentState.OPEN)
    assert (incident.fleet.hosts, incident.host_id, incident.hostname) == (("a",), "a", "node-a")
    assert incident.at_ns == at(540 + 180 + 10)


def test_two_statuses_that_are_lost_make_no_host_silent() -> None:
    """
    The third one may be a little late.
    """
    detector = Detector()
    incidents_of(detector, "ab", 0, 600)
    found = incidents_of(detector, "b", 600, 720) + detector.observe(status("a", 720, RUNNING), at(722))
    assert found == []


def test_a_host_that_reports_again_is_silent_no_longer() -> None:
    """
    The same incident is resolved with the first status.
    """
    detector = Detector()
    incidents_of(detector, "ab", 0, 600)
    (opened,) = incidents_of(detector, "b", 600, 1200)
    (resolved,) = detector.observe(status("a", 1230, RUNNING), at(1230))
    assert resolved.fleet.state is IncidentState.RESOLVED
    assert (resolved.fleet.incident_id, resolved.sequence) == (opened.fleet.incident_id, opened.sequence + 1)


def test_nobody_is_silent_while_nobody_reports() -> None:
    """
    Then the hub was down: each host has its three intervals again, but for the one that was already late.
    """
    detector = Detector()
    incidents_of(detector, "abc", 0, 600)
    assert detector.advance(at(7200)) == []
    assert incidents_of(detector, "abc", 7200, 9000) == []


def test_the_only_host_is_never_silent() -> None:
    """
    Nobody else reports, so it may be the hub that hears nothing.
    """
    detector = Detector()
    incidents_of(detector, "a", 0, 600)
    assert detector.advance(at(86_000)) == []


def test_a_host_without_containers_may_be_switched_off() -> None:
    """
    An emptied host that leaves the fleet is no incident.
    """
    detector = Detector()
    incidents_of(detector, "ab", 0, 600)
    detector.observe(status("a", 600, {("api", "sha256:a"): 0}), at(600))
    assert incidents_of(detector, "b", 600, 3600) == []


def test_a_silent_host_is_forgotten_after_a_day() -> None:
    """
    The incident of a host that was taken away does not stay open for ever.
    """
    detector = Detector()
    incidents_of(detector, "ab", 0, 600)
    opened, resolved = incidents_of(detector, "b", 600, 90_000)
    assert (opened.fleet.state, resolved.fleet.state) == (IncidentState.OPEN, IncidentState.RESOLVED)
    assert incidents_of(detector, "b", 90_000, 100_000) == []


def test_a_repeated_status_is_no_sign_of_life() -> None:
    """
    Delivery repeats events.
    """
    detector = Detector()
    incidents_of(detector, "ab", 0, 600)
    found: list[Incident] = []
    for second in range(600, 1200, 60):
        found += detector.observe(status("a", 540, RUNNING), at(second))
        found += detector.observe(status("b", second, RUNNING), at(second))
    assert [incident.fleet.hosts for incident in found] == [("a",)]

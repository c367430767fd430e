"""
Storms.
"""

from fleet.incidents import Detector, Incident
from sinks.event import FleetKind, IncidentState
from tests.shared.fleet_events import at, death, status

HOSTS = tuple("abcdefghij")
SERVICES = {("api", "sha256:a"): 2, ("web", "sha256:a"): 2}


def fleet(new: dict[str, str] | None = None) -> Detector:
    """
    Return a detector that has known ten hosts for a day; `new` is what some of them run for an hour instead.
    """
    detector = Detector()
    for hour in range(24):
        for host in HOSTS:
            digest = (new or {}).get(host, "sha256:a") if hour == 23 else "sha256:a"
            services = {("api", digest): 2, ("web", "sha256:a"): 2}
            detector.observe(status(host, hour * 3600, services, interval_s=3600), at(hour * 3600))
    return detector


def storms(detector: Detector, deaths: list[tuple[str, str, str]], *, step_s: float = 10) -> list[Incident]:
    """
    Let containers of `api` die one after the other (host, digest, cause), and return the storms.
    """
    found: list[Incident] = []
    for number, (host, digest, cause) in enumerate(deaths):
        second = 83_000 + number * step_s
        found += detector.observe(death(host, second, "api", digest=digest, cause=cause), at(second))
    return [incident for incident in found if incident.fleet.kind is FleetKind.STORM]


def test_a_service_that_dies_on_many_hosts_is_a_storm() -> None:
    """
    One incident for all of them, which opens when chance no longer explains them.
    """
    (incident,) = storms(fleet(), [(host, "sha256:a", "crash") for host in HOSTS])
    assert incident.fleet.state is IncidentState.OPEN
    assert (incident.fleet.service, incident.fleet.cause) == ("api", "crash")
    assert (incident.fleet.hosts, incident.fleet.hosts_total) == (("a", "b", "c", "d"), 10)


def test_different_causes_are_no_storm() -> None:
    """
    They only coincide.
    """
    causes = ("crash", "app_error", "oom_kill", "start_failed")
    assert storms(fleet(), [(host, "sha256:a", cause) for host, cause in zip(HOSTS, causes, strict=False)]) == []


def test_deaths_hours_apart_are_no_storm() -> None:
    """
    Within minutes.
    """
    assert storms(fleet(), [(host, "sha256:a", "crash") for host in HOSTS], step_s=3600) == []


def test_a_version_that_was_just_deployed_is_to_blame_itself() -> None:
    """
    Where all hosts have it, there is nothing that speaks for it.
    """
    new = dict.fromkeys(HOSTS, "sha256:b")
    assert storms(fleet(new), [(host, "sha256:b", "crash") for host in HOSTS]) == []


def test_old_and_new_versions_that_die_together_are_a_storm() -> None:
    """
    Half of the hosts have the new version, and it is not the only one that dies.
    """
    new = dict.fromkeys(HOSTS[:5], "sha256:b")
    deaths = [(host, "sha256:a", "crash") for host in HOSTS[5:]] + [(host, "sha256:b", "crash") for host in HOSTS[:5]]
    assert len(storms(fleet(new), deaths)) == 1


def test_a_storm_is_over_after_half_an_hour() -> None:
    """
    Without a further death.
    """
    detector = fleet()
    (opened,) = storms(detector, [(host, "sha256:a", "crash") for host in HOSTS])
    found = [item for item in detector.advance(at(90_000)) if item.fleet.kind is FleetKind.STORM]
    assert [item.fleet.state for item in found] == [IncidentState.UPDATED, IncidentState.RESOLVED]
    assert found[-1].fleet.hosts_affected == 10
    assert found[-1].fleet.incident_id == opened.fleet.incident_id


def test_an_open_regression_explains_as_many_deaths_as_it_causes() -> None:
    """
    A bad version that runs everywhere for nine hours makes a busy time of day no storm.
    """
    hosts = [f"host-{number}" for number in range(30)]
    detector, found = Detector(), []
    for hour in range(34):
        digest = "sha256:a" if hour < 24 else "sha256:b"
        for host in hosts:
            found += detector.observe(status(host, hour * 3600, {("api", digest): 2}, interval_s=3600), at(hour * 3600))
        for number, host in enumerate(hosts if hour >= 24 else []):
            second = hour * 3600 + 60 + number * 110
            found += detector.observe(death(host, second, "api", digest=digest, cause="crash"), at(second))
    for number, host in enumerate(hosts[:20]):
        second = 34 * 3600 + number * 20
        found += detector.observe(death(host, second, "api", digest="sha256:b", cause="crash"), at(second))
    assert {incident.fleet.kind for incident in found} == {FleetKind.REGRESSION}

"""
The history of versions.
"""

from typing import Any

from fleet.incidents.observations import Status, observation_of, origin_of
from fleet.incidents.settings import Settings
from fleet.incidents.version_history import VersionHistory
from fleet.incidents.versions import HOUR_NS, Version
from sinks.event.reader import view_of
from tests.shared.fleet_events import at, status

OLD, NEW = "sha256:a", "sha256:b"


def take(history: VersionHistory, event: dict[str, Any], second: float) -> None:
    view = view_of(event)
    origin = origin_of(view, at(second))
    assert origin is not None
    observation = observation_of(view, origin)
    assert isinstance(observation, Status)
    history.observe(observation, at(second))


def version(history: VersionHistory, digest: str) -> Version:
    service = history.service("api")
    assert service is not None
    return service.versions[digest]


def test_a_status_that_arrives_late_does_not_bring_a_version_back() -> None:
    """
    It counts for the time that it is about, and says nothing of now.
    """
    history = VersionHistory(Settings())
    take(history, status("a", 0, {("api", OLD): 2}, interval_s=60), 0)
    take(history, status("a", 120, {("api", NEW): 2}, interval_s=60), 120)
    take(history, status("a", 60, {("api", OLD): 2}, interval_s=60), 130)
    assert (version(history, OLD).running, version(history, NEW).running) == (0, 2)
    assert sum(hour.container_ns for hour in version(history, OLD).hours.values()) == at(240) - at(0)


def test_only_what_is_new_is_tested() -> None:
    """
    The version with which a service begins has nothing to be compared with; one that comes back is not new.
    """
    history = VersionHistory(Settings())
    for hour in range(5):
        take(history, status("a", hour * 3600, {("api", OLD): 2}, interval_s=3600), hour * 3600)
    take(history, status("a", 18_000, {("api", NEW): 2}, interval_s=3600), 18_000)
    take(history, status("a", 21_600, {("api", OLD): 2}, interval_s=3600), 21_600)
    assert version(history, OLD).test is None
    assert version(history, NEW).test is not None


def test_old_hours_are_forgotten() -> None:
    """
    After two weeks.
    """
    history = VersionHistory(Settings())
    for hour in range(500):
        take(history, status("a", hour * 3600, {("api", OLD): 2}, interval_s=3600), hour * 3600)
    assert len(version(history, OLD).hours) <= Settings().history_hours + 1
    assert min(version(history, OLD).hours) > at(0) // HOUR_NS

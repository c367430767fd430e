"""
The detector as a whole: its state is bounded, and it survives another version's state.
"""

import json

from fleet.incidents import Detector
from sinks.event import FleetKind
from tests.shared.fleet_events import at, death, status


def test_a_fleet_of_ever_new_names_does_not_fill_the_memory() -> None:
    """
    Services without end, whose containers die.
    """
    detector = Detector()
    for number in range(6000):
        detector.observe(death("a", number * 2000, f"service-{number}"), at(number * 2000))
    saved = json.loads(detector.save())
    assert len(saved["history"]["services"]) == 5000
    assert len(saved["recent"]["services"]) == 5000
    assert len(saved["cases"]["hosts"]["a"]) < 1000


def test_nothing_is_left_of_a_host_that_has_gone() -> None:
    """
    A day after its last status.
    """
    detector = Detector()
    for second in range(0, 200_000, 3600):
        for host in ("a", "b") if second < 7200 else ("b",):
            detector.observe(status(host, second, {("api", "sha256:a"): 1}, interval_s=3600), at(second))
        if second == 3600:
            detector.observe(death("gone", second, "api"), at(second))
            detector.observe(death("a", second, "api"), at(second))
    saved = json.loads(detector.save())
    assert '"a"' not in json.dumps({**saved, "recent": None, "seen": saved["seen"]["statuses"]})


def test_the_state_of_another_version_is_not_used() -> None:
    """
    The detector begins anew.
    """
    detector = Detector()
    detector.observe(status("a", 0, {("api", "sha256:a"): 1}), at(0))
    assert Detector.restore({**json.loads(detector.save()), "version": 0}).save() == Detector().save()


def test_containers_without_a_service_count_for_their_host_only() -> None:
    """
    Three of them that die within minutes are a host cause; there is nothing to compare versions of.
    """
    detector = Detector()
    found = []
    for number in range(3):
        event = death("a", number, "x", container=str(number))
        del event["data"]["service"]
        found += detector.observe(event, at(number))
    assert [incident.fleet.kind for incident in found] == [FleetKind.HOST_CAUSE]
    assert json.loads(detector.save())["history"]["services"] == {}

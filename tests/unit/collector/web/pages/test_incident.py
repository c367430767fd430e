"""
The content of an incident's page.
"""

from collector.web.pages.curve import Kind
from collector.web.pages.incident import Incident, incident_of
from sinks.event import Event, to_json
from sinks.event.reader import read_events
from tests.shared.incidents import leak_events, spike_events


def shown(events: list[Event]) -> Incident:
    """
    Return the page of the last event, with the others as related events.
    """
    bodies = [to_json(event) for event in events]
    *others, last = read_events(bodies)
    return incident_of(bodies[-1], last, others)


def test_the_curve_has_the_warnings_the_kill_and_the_end() -> None:
    """
    Oldest first, and the same in both drawings.
    """
    page = shown(leak_events())
    assert [moment.kind for moment in page.moments] == [Kind.WARNING] * 4 + [Kind.KILL, Kind.END]
    assert [[mark.kind for mark in drawing.marks] for _, drawing in page.curves] == [
        [moment.kind for moment in page.moments]
    ] * 2


def test_a_death_and_its_kill_are_one_kill() -> None:
    """
    A death repeats the kill that ended it; the page shows it once.
    """
    page = shown(leak_events())
    assert [[victim.name for victim in kill.oom.victims] for kill in page.kills] == [["hog"]]


def test_candidates_are_compared_with_the_largest() -> None:
    """
    The bar of the largest process is full, and the bar of the victim is marked.
    """
    (kill,) = shown(spike_events()).kills
    assert [(bar.process.name, bar.percent, bar.killed) for bar in kill.bars] == [("hog", 100, True), ("sh", 1, False)]


def test_facts_without_a_value_are_left_out() -> None:
    """
    What is not known takes no room.
    """
    assert dict(shown(leak_events()).facts) == {
        "Container": "box-a",
        "Image": "shop/api:1",
        "Service": "shop/api",
        "Version": "1",
        "Host": "node-7",
        "Exit code": "137",
        "Ran for": "10 minutes",
        "Id": "a" * 64,
    }

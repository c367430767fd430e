"""
What the pages know of the fleet's present.
"""

from dataclasses import replace

import orjson
import pytest

from fleet.books import HostBook, IncidentBook
from sinks.event import Cause, Event
from sinks.event.reader import read_event
from sinks.event.views import EventView
from tests.shared.hub_events import BEGIN_NS, SECOND, body, death, host_id, status


def view(event: Event) -> EventView:
    return read_event(body(event))


def ns(at_s: float) -> int:
    return BEGIN_NS + round(at_s * SECOND)


def book(*events: Event, now_s: float = 0) -> HostBook:
    made = HostBook()
    for event in events:
        made.observe(str(event.host.id), view(event), ns(now_s))
    return made


@pytest.mark.parametrize(
    ("events", "now_s", "health"),
    [
        ([status(1, 0)], 100, "good"),
        ([status(1, 0)], 181, "silent"),
        ([status(1, 0), death(1, 5)], 100, "bad"),
        ([status(1, 0), death(1, 5, cause=Cause.DOCKER_STOP)], 100, "good"),
        ([death(1, 5)], 100, "bad"),
        ([death(1, 5)], 4000, "good"),
    ],
)
def test_the_grid_shows_how_a_host_is(events: list[Event], now_s: float, health: str) -> None:
    """
    Silent first, then deaths of the last hour. Without statuses nobody knows whether a host is silent.
    """
    (host,) = book(*events, now_s=now_s)
    assert host.health(ns(now_s)) == health


def test_an_older_status_does_not_replace_a_newer_one() -> None:
    """
    Agents that were cut off send late.
    """
    made = book(status(1, 60, running=5), status(1, 0, running=1), now_s=60)
    host = made.get(host_id(1))
    assert host is not None
    assert host.status is not None
    assert host.status.services[0].running == 5


def test_a_clock_that_is_ahead_does_not_hide_a_silence() -> None:
    """
    An event from the future counts from now on.
    """
    (host,) = book(status(1, 1_000_000), now_s=0)
    assert host.is_silent(ns(181))


def test_an_incident_shows_its_latest_event() -> None:
    """
    Opened, updated, resolved: one line on the page.
    """
    made = IncidentBook()
    events = [_incident("1", "open"), _incident("2", "open"), _incident("1", "updated"), _incident("2", "resolved")]
    for event in events:
        made.observe(event)
    assert [event.exit137.fleet and event.exit137.fleet.state for event in made.open()] == ["updated"]
    assert len(made.over(10)) == 1


def _incident(number: str, state: str) -> EventView:
    fleet = {"kind": "storm", "state": state, "incident_id": number, "hosts_affected": 1, "deaths": 3}
    text = '{"id": "e", "type": "exit137.fleet_incident", "data": {"message": "m", "exit137": {"fleet": %s}}}'
    return read_event((text % orjson.dumps(fleet).decode()).encode())


def test_a_host_takes_little_memory_whatever_it_says() -> None:
    """
    A name and messages of a megabyte are cut: every page would have them, and memory thirty of each host.
    """
    sent = death(1, 1)
    long = replace(sent, message="m" * 1_000_000, host=replace(sent.host, hostname="h" * 1_000_000))
    (host,) = book(long)
    assert len(host.name) <= 256
    assert len(host.recent[0].message) <= 1024
    assert book(long).id_of(host.name) == host_id(1)

"""
Which sinks receive an event.
"""

import dataclasses

import pytest

from collector.delivery import route
from sinks.base import SinkConfig
from sinks.event import Cause, Confidence, Container, EcsEvent, Event, EventType, Exit137, Host, Image
from sinks.slack import SlackConfig


def event(cause: Cause | None, kind: EventType = EventType.CONTAINER_DEATH) -> Event:
    ecs = EcsEvent(kind="event", category=("process",), type=("end",), action="death", severity=5)
    own = Exit137(cause=cause, confidence=Confidence.CERTAIN)
    return Event(id="1", type=kind, subject="s", time_ns=1, message="m", event=ecs, host=Host(), exit137=own)


@pytest.mark.parametrize(
    ("events", "causes", "accepted"),
    [
        (None, None, True),
        (("exit137.container_death",), None, True),
        (("exit137.oom_kill",), None, False),
        (None, ("crash",), True),
        (None, ("exit",), False),
        (("exit137.container_death",), ("exit",), False),
    ],
)
def test_a_sink_receives_what_passes_all_its_filters(
    events: tuple[str, ...] | None, causes: tuple[str, ...] | None, accepted: bool
) -> None:
    """
    An event must pass every filter of a sink; a sink without filters receives everything.
    """
    config = SinkConfig(name="a", type="stdout", events=events, causes=causes)
    assert route(event(Cause.CRASH), [config]) == (("a",) if accepted else ())


def test_an_event_without_a_cause_passes_a_filter_of_causes() -> None:
    """
    An event about lost evidence must not be filtered out by accident.
    """
    config = SinkConfig(name="a", type="stdout", causes=("crash",))
    assert route(event(None, EventType.AGENT), [config]) == ("a",)


def test_a_status_goes_only_where_it_is_asked_for() -> None:
    """
    It comes every minute; who wants everything wants what happened.
    """
    asking = SinkConfig(name="hub", type="stdout", events=("exit137.host_status",))
    everything = SinkConfig(name="bus", type="stdout")
    assert route(event(None, EventType.HOST_STATUS), [asking, everything]) == ("hub",)


def test_a_status_never_goes_to_people() -> None:
    """
    Whatever their sink names.
    """
    people = SlackConfig(name="chat", type="slack", events=("exit137.host_status",))
    assert route(event(None, EventType.HOST_STATUS), [people]) == ()


IN_CONTAINER = Container(id="c", image=Image(name="ghcr.io/acme/api"), labels={"team": "payments", "tier": "web"})


@pytest.mark.parametrize(
    ("images", "labels", "accepted"),
    [
        (("ghcr.io/acme/*",), {}, True),
        (("postgres", "*/api"), {}, True),
        (("postgres",), {}, False),
        (None, {"team": "payments"}, True),
        (None, {"team": "pay*", "tier": "*"}, True),
        (None, {"team": "payments", "tier": "db"}, False),
        (None, {"owner": "?*"}, False),
        (("postgres",), {"team": "payments"}, False),
    ],
)
def test_containers_are_chosen_by_image_and_labels(
    images: tuple[str, ...] | None, labels: dict[str, str], accepted: bool
) -> None:
    """
    One of the images must match, and all of the labels.
    """
    config = SinkConfig(name="a", type="stdout", images=images, labels=labels)
    found = dataclasses.replace(event(Cause.CRASH), container=IN_CONTAINER)
    assert route(found, [config]) == (("a",) if accepted else ())


def test_an_event_without_a_container_passes_a_filter_of_containers() -> None:
    """
    A kill outside of containers concerns everybody who runs containers on the host.
    """
    config = SinkConfig(name="a", type="stdout", images=("postgres",), labels={"team": "payments"})
    assert route(event(None, EventType.OOM_KILL), [config]) == ("a",)

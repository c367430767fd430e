"""
Which sinks an event is for.
"""

import dataclasses

import pytest

from collector.delivery import route
from sinks.base import SinkConfig
from sinks.event import Cause, Confidence, Container, EcsEvent, Event, EventType, Exit137, Host, Image


def event(cause: Cause | None, kind: EventType = EventType.CONTAINER_DEATH) -> Event:
    ecs = EcsEvent(kind="event", category=("process",), type=("end",), action="death", severity=5)
    own = Exit137(cause=cause, confidence=Confidence.CERTAIN)
    return Event(id="1", type=kind, subject="s", time_ns=1, message="m", event=ecs, host=Host(), exit137=own)


@pytest.mark.parametrize(
    ("events", "causes", "taken"),
    [
        (None, None, True),
        (("exit137.container_death",), None, True),
        (("exit137.oom_kill",), None, False),
        (None, ("crash",), True),
        (None, ("exit",), False),
        (("exit137.container_death",), ("exit",), False),
    ],
)
def test_a_sink_gets_what_both_its_filters_let_pass(
    events: tuple[str, ...] | None, causes: tuple[str, ...] | None, taken: bool
) -> None:
    """
    No filter lets everything pass.
    """
    config = SinkConfig(name="a", type="stdout", events=events, causes=causes)
    assert route(event(Cause.CRASH), [config]) == (("a",) if taken else ())


def test_an_event_without_a_cause_passes_every_filter_of_causes() -> None:
    """
    Word of lost evidence must not be filtered away by accident.
    """
    config = SinkConfig(name="a", type="stdout", causes=("crash",))
    assert route(event(None, EventType.AGENT), [config]) == ("a",)


IN_CONTAINER = Container(id="c", image=Image(name="ghcr.io/acme/api"), labels={"team": "payments", "tier": "web"})


@pytest.mark.parametrize(
    ("images", "labels", "taken"),
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
    images: tuple[str, ...] | None, labels: dict[str, str], taken: bool
) -> None:
    """
    Any of the images, and all of the labels.
    """
    config = SinkConfig(name="a", type="stdout", images=images, labels=labels)
    found = dataclasses.replace(event(Cause.CRASH), container=IN_CONTAINER)
    assert route(found, [config]) == (("a",) if taken else ())


def test_an_event_without_a_container_passes_every_filter_of_containers() -> None:
    """
    A kill on the host concerns whoever runs containers on it.
    """
    config = SinkConfig(name="a", type="stdout", images=("postgres",), labels={"team": "payments"})
    assert route(event(None, EventType.OOM_KILL), [config]) == ("a",)

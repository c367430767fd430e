"""
A report says what its evidence does not show.
"""

import pytest

from collector.explain.unseen import unseen
from sinks.event import to_json
from sinks.event.reader import read_events
from sinks.event.views import EventView
from tests.shared.incidents import leak_events, spike_events
from tests.unit.sinks.chat.documents import view

SEEN = {"time": "03:17:04", "memory": {"series": {"seconds": [-1.0, 0.0], "bytes": [1, 2]}}}


def test_nothing_is_missing_from_complete_evidence() -> None:
    """
    A kill with its curve and its table of processes lacks nothing.
    """
    (kill,) = read_events(map(to_json, spike_events()))
    assert unseen(kill) == ()


def test_what_a_related_event_shows_is_not_missing() -> None:
    """
    A death need not repeat the table of processes of its kill.
    """
    (kill,) = read_events(map(to_json, spike_events()))
    *_, death = read_events(map(to_json, leak_events()))
    assert len(unseen(death)) == 1
    assert unseen(death, [kill]) == ()


@pytest.mark.parametrize(
    ("event", "missing"),
    [
        (view(**(SEEN | {"time": None})), "time"),
        (view(**(SEEN | {"memory": None})), "no curve"),
        (view("exit137.oom_kill", container=None, **SEEN), "No container"),
        (view(death={"exit_code": None}, **SEEN), "exit code"),
        (view(cause="signal", **SEEN), "sender"),
        (view(logs_missing="none kept", **SEEN), "none kept"),
        (view(shed=["logs"], **SEEN), "log was not read"),
        (view(shed=["memory"], **SEEN), "processes"),
        (view(trimmed=[{"field": "f", "unit": "entries", "kept": 1, "of": 9}], **SEEN), "1 of 9 entries"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_gap_is_named(event: EventView, missing: str) -> None:
    """
    By one sentence.
    """
    (sentence,) = unseen(event)
    assert missing in sentence

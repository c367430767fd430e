"""
Titles: every closed set of the event has its words, and values of newer versions have a title too.
"""

from typing import Any

import pytest

import sinks.chat.titles as words
from collector.memory.pressure import PressureKind
from collector.memory.stuck import StuckState
from collector.publish.stuck_stops import STATE
from sinks.chat.titles import counted, owner_of, title_of
from sinks.event import Cause, EventType, FleetKind
from sinks.event.views import EventView
from tests.unit.sinks.chat.documents import view


def test_each_word_of_the_event_has_its_words_here() -> None:
    """
    Every cause, kind of warning, state of a stuck container and event type has words for people.
    """
    assert set(words.DEATHS) == {item.value for item in Cause}
    assert set(words.PRESSURES) == {item.value for item in PressureKind}
    assert set(words.STATES) == {item.value for item in StuckState} | {STATE}
    assert set(words.FLEET) == {item.value for item in FleetKind}
    assert set(words.KINDS) == {item.value for item in EventType}


DEATH, KILL = EventType.CONTAINER_DEATH, EventType.OOM_KILL


@pytest.mark.parametrize(
    ("event", "title"),
    [
        (view(DEATH, cause="crash", death={"exit_code": 139}), "api crashed (exit code 139)"),
        (view(DEATH, cause="exit", death={"exit_code": 0}), "api exited"),
        (view(DEATH, cause="eaten"), "api ended: eaten"),
        (view(DEATH), "api ended for an unknown reason"),
        (
            view(KILL, oom={"victims": [{"name": "java", "main_process": True}]}),
            "api: main process OOM-killed (java)",
        ),
        (view(KILL, oom={"victims": [{"name": "a"}, {"name": "b"}]}), "api: process OOM-killed (a and 1 more)"),
        (view(KILL, container=None, oom={"victims": [{"pid": 7}]}), "pid 7 on node-7 OOM-killed"),
        (view(KILL), "api: 1 OOM kill"),
        (view(pressure={"kind": "stall", "level": "warning"}), "api: processes are stalled waiting for memory"),
        (view(pressure={"kind": "thirst", "level": "resolved"}), "api: resolved (thirst)"),
        (view(stuck={"state": "unhealthy"}), "api has been unhealthy since an OOM kill"),
        (view(stuck={"state": "dancing"}), "api is dancing"),
        (view(stuck={"state": "killing", "resolved": True}), "api has recovered"),
        (view(fleet={"kind": "storm", "state": "open", "service": "api"}), "api: died on many hosts"),
        (view(fleet={"kind": "silent_host", "state": "resolved"}), "node-7: resolved (no longer reports)"),
        (view(gap={"source": "kmsg", "what": "source_down"}), "exit137 on node-7: source down (kmsg)"),
    ],
)
def test_a_title_says_what_happened_to_whom(event: EventView, title: str) -> None:
    """
    A title names the owner and what happened, also for values that a newer version has added.
    """
    assert title_of(event) == title


@pytest.mark.parametrize(
    ("data", "owner"),
    [
        ({"orchestrator": {"namespace": "shop", "resource": {"name": "api"}}}, "shop/api"),
        ({"orchestrator": {"resource": {"name": "api"}}}, "api"),
        ({"container": {"id": "5f2c8e1d9b7a4c3e"}}, "5f2c8e1d9b7a"),
        ({"container": None}, "node-7"),
    ],
)
def test_the_owner_is_the_service_else_the_container_else_the_host(data: dict[str, Any], owner: str) -> None:
    """
    The owner in a title is the one that notifications are grouped by.
    """
    assert owner_of(view(**data)) == owner


def test_counts_have_their_plural() -> None:
    """
    An unknown event type is printed as it is.
    """
    assert [counted(KILL, 1), counted(KILL, 2), counted("t", 2)] == ["1 OOM kill", "2 OOM kills", "2 t"]

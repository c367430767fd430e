"""
Titles: every closed set of the event has its words, and what is newer than the agent is told too.
"""

from typing import Any

import pytest

import sinks.chat.titles as words
from collector.memory.stuck import StuckState
from collector.memory.warnings import PressureKind
from sinks.chat.document import Document
from sinks.chat.titles import kind_of, title_of
from sinks.event import Cause, EventType
from tests.unit.sinks.chat.documents import document


def test_each_word_of_the_event_has_its_words_here() -> None:
    """
    Causes, kinds of warnings, states of stuck containers, types.
    """
    assert set(words.DEATHS) == {item.value for item in Cause}
    assert set(words.PRESSURES) == {item.value for item in PressureKind}
    assert set(words.STATES) == {item.value for item in StuckState}
    assert set(words.KINDS) == {item.value for item in EventType}


DEATH, KILL = EventType.CONTAINER_DEATH, EventType.OOM_KILL


@pytest.mark.parametrize(
    ("event", "title"),
    [
        (document(DEATH, cause="crash", death={"exit_code": 139}), "api crashed (exit code 139)"),
        (document(DEATH, cause="exit", death={"exit_code": 0}), "api ended"),
        (document(DEATH, cause="eaten"), "api ended: eaten"),
        (document(DEATH), "api ended, why is not known"),
        (
            document(KILL, oom={"victims": [{"name": "java", "main_process": True}]}),
            "api: main process OOM-killed (java)",
        ),
        (document(KILL, oom={"victims": [{"name": "a"}, {"name": "b"}]}), "api: OOM kill of a and 1 more"),
        (document(KILL, container=None, oom={"victims": [{"pid": 7}]}), "pid 7 on node-7 OOM-killed"),
        (document(KILL), "api: 1 OOM kill"),
        (document(pressure={"kind": "stall", "level": "warning"}), "api: stalled for want of memory"),
        (document(pressure={"kind": "thirst", "level": "resolved"}), "api: a warning has passed (thirst)"),
        (document(stuck={"state": "unhealthy"}), "api is unhealthy since an OOM kill"),
        (document(stuck={"state": "dancing"}), "api is dancing"),
        (document(stuck={"state": "killing", "resolved": True}), "api has recovered"),
        (document(gap={"source": "kmsg", "what": "source_down"}), "exit137 on node-7: source down (kmsg)"),
    ],
)
def test_a_title_says_what_became_of_whom(event: Document, title: str) -> None:
    """
    In a few words.
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
    As groups have it.
    """
    assert document(**data).owner == owner


def test_counts_have_their_plural() -> None:
    """
    A type that is not known stands for itself.
    """
    assert [kind_of(KILL, 1), kind_of(KILL, 2), kind_of("t", 2)] == ["1 OOM kill", "2 OOM kills", "2 t"]

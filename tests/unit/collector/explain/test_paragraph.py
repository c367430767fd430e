"""
The headline of a report: an event as a paragraph.
"""

from typing import Any

import orjson

from collector.explain.paragraph import paragraph
from sinks.event.reader import read_event
from sinks.event.views import EventView


def _kill(**changes: Any) -> EventView:  # noqa: ANN401 - parts of a document
    ours: dict[str, Any] = {
        "confidence": "certain",
        "evidence": [{"source": "kmsg", "text": "Killed process 42 (java)"}],
        "oom": {"victims": [{"pid": 42, "name": "java", "anon_rss_bytes": 7340032}]},
    }
    data = {"message": "The kernel killed java.", "container": {"id": "a"}, "exit137": ours | changes}
    return read_event(orjson.dumps({"time": "2026-11-22T03:17:04.118203Z", "data": data}))


def test_it_says_when_what_and_how_large() -> None:
    """
    The paragraph starts with the time and the message, and adds the victim's memory.
    """
    assert paragraph(_kill()) == (
        '2026-11-22 03:17:04.118203 UTC: The kernel killed java. "java" was using 7 MiB of anonymous memory.'
    )


def test_doubt_is_stated() -> None:
    """
    An uncertain statement never reads as if it were certain.
    """
    assert "This is likely, not certain." in paragraph(_kill(confidence="likely"))


def test_a_process_of_a_kernel_event_may_have_run_anywhere() -> None:
    """
    Where the kernel's line names a process and nothing names a container, the paragraph says so.
    """
    data = {"message": "It crashed.", "exit137": {"confidence": "possible", "kernel": {"kind": "segfault", "tid": 7}}}
    event = read_event(orjson.dumps({"data": data}))
    assert paragraph(event) == "It crashed. The log lines do not say whether it ran in a container."


def test_all_victims_of_a_group_are_named() -> None:
    """
    With memory.oom.group the kernel kills all processes of a cgroup.
    """
    victims = [{"pid": 42, "name": "java"}, {"pid": 43, "name": "sh"}, {"pid": 44, "name": "awk"}]
    assert 'Also killed: "sh" (pid 43) and "awk" (pid 44).' in paragraph(_kill(oom={"victims": victims}))


def test_the_trigger_is_named_if_it_is_another_process() -> None:
    """
    The process whose allocation failed is often not the victim.
    """
    oom = {"victims": [{"pid": 42, "name": "java"}], "trigger": {"pid": 50, "name": "cron"}}
    assert 'The OOM killer was triggered by an allocation of "cron" (pid 50).' in paragraph(_kill(oom=oom))


def test_no_control_character_reaches_the_terminal() -> None:
    """
    A process can be named anything, even an escape sequence.
    """
    victims = [{"pid": 42, "name": "java"}, {"pid": 43, "name": "\x1b[2J\n"}]
    text = paragraph(_kill(oom={"victims": victims}))
    assert text.isprintable()

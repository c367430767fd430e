"""
Whatever names and logs contain, a message keeps to the limits of its chat and mentions nobody.
"""

from typing import Any, Final

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.base import Outgoing
from sinks.chat import Template, message_of
from sinks.event import Cause, EventType
from tests.unit.sinks.chat.limits import check

NASTY: Final = (
    "<!channel>",
    "<!here|x>",
    "<@U024BE7LH>",
    "<#C024BE7LR>",
    "<https://evil.example|click>",
    "https://evil.example",
    "Www.evil.example",
    "[click](https://evil.example)",
    "@everyone",
    "@channel",
    "@all",
    "<at>Ann</at>",
    "```",
    "`",
    "*bold*",
    "_x_",
    "~channel",
    "||spoiler||",
    "&amp;&lt;",
    "# heading",
    "> quote",
    "\\",
    "\\`",
    "\x1b[31mred\x1b[0m",
    "\u202etxt.exe",
    "\u200b",
    "\n",
    "\r\n",
    "\0",
    "\N{PILE OF POO}",
    "größe-日本",
    "x" * 700,
    "&" * 700,
    "`" * 700,
    "\N{PILE OF POO}" * 700,
    " " * 500,
    "",
)

texts = st.one_of(
    st.sampled_from(NASTY), st.text(max_size=80), st.lists(st.sampled_from(NASTY), max_size=6).map("".join)
)
numbers = st.integers(0, 2**53)
maybe = st.none() | texts


def objects(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """
    Return a strategy for JSON objects with any of these fields.
    """
    return st.fixed_dictionaries({}, optional=fields)


ours = objects(
    cause=st.sampled_from(Cause) | texts,
    evidence=st.lists(objects(source=texts | st.sampled_from(["kmsg", "docker"]), time=texts, text=texts), max_size=3),
    oom=objects(victims=st.lists(objects(pid=numbers, name=texts, main_process=st.booleans()), max_size=4)),
    death=objects(exit_code=numbers, restart_count=numbers),
    memory=objects(
        limit_bytes=numbers,
        peak_bytes=numbers,
        trend=texts,
        trend_confidence=texts,
        series=objects(seconds=st.lists(st.floats(-1e6, 0), max_size=9), bytes=st.lists(numbers, max_size=9)),
    ),
    advice=st.lists(st.fixed_dictionaries({"text": texts, "unless": texts}), max_size=5),
    logs=st.lists(texts, max_size=50),
    logs_missing=texts,
)
kinds = st.one_of(
    ours,
    st.fixed_dictionaries({"pressure": st.fixed_dictionaries({"kind": texts, "level": texts})}),
    st.fixed_dictionaries({"stuck": st.fixed_dictionaries({"state": texts, "resolved": st.booleans()})}),
    st.fixed_dictionaries({"gap": st.fixed_dictionaries({"source": texts, "what": texts})}),
)
documents = objects(
    type=st.sampled_from(EventType) | texts,
    subject=texts,
    time=texts | st.just("2026-11-22T03:17:04.118203Z"),
    data=objects(
        message=texts,
        event=objects(severity=st.integers(0, 7)),
        host=objects(hostname=texts),
        container=objects(id=texts, name=texts, image=objects(name=texts)),
        orchestrator=objects(namespace=texts, resource=objects(name=texts)),
        exit137=kinds,
    ),
)


def encoded(document: dict[str, Any]) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_PASSTHROUGH_SUBCLASS, default=str)


messages = st.lists(
    st.builds(
        Outgoing,
        id=st.uuids().map(str),
        type=st.just("t"),
        key=st.just("k"),
        body=documents.map(encoded),
        group=st.sampled_from(["a", "b", None]) | texts,
        times_in_last_day=st.none() | st.integers(1, 1000),
    ),
    min_size=1,
    max_size=20,
)


@pytest.mark.slow
@pytest.mark.parametrize("template", Template)
@settings(max_examples=60)
@given(message=messages)
def test_any_message_is_accepted_by_its_chat(template: Template, message: list[Outgoing]) -> None:
    """
    Any events give valid JSON within all limits, in which text from outside has no markup.
    """
    check(template, message_of(message, template))


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("template", Template)
def test_one_text_everywhere_is_accepted_by_its_chat(template: Template, text: str) -> None:
    """
    A hostile text in every field at once is still shown as text.
    """
    body = encoded(
        {
            "type": EventType.CONTAINER_DEATH,
            "subject": text,
            "time": text,
            "data": {
                "message": text,
                "host": {"hostname": text},
                "container": {"id": text, "name": text, "image": {"name": text}},
                "orchestrator": {"namespace": text, "resource": {"name": text}},
                "exit137": {
                    "cause": text,
                    "evidence": [{"source": text, "time": text, "text": text}] * 9,
                    "memory": {
                        "limit_bytes": 1,
                        "trend": text,
                        "trend_confidence": text,
                        "series": {"seconds": [-1.0, 0.0], "bytes": [1, 2]},
                    },
                    "advice": [{"text": text, "unless": text}] * 9,
                    "logs": [text] * 50,
                },
            },
        }
    )
    one = Outgoing(id="e", type="t", key="k", body=body)
    many = [Outgoing(id=str(number), type="t", key="k", body=body, group=str(number)) for number in range(40)]
    for message in ([one], [one] * 9, many):
        check(template, message_of(message, template))

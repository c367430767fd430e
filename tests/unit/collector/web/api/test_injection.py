"""
Text from outside in any field of an event changes nothing in the form of an answer.
"""

from dataclasses import replace

import orjson
import pytest

from tests.shared.incidents import HOSTILE, hostile_body
from tests.unit.collector.web.api.conftest import DEATH, Asking, event


@pytest.mark.parametrize("text", HOSTILE)
async def test_a_stream_has_one_message_for_each_event(asking: Asking, text: str) -> None:
    """
    No line break of a name or a log line begins a field of server-sent events, and the event arrives unchanged.
    """
    body = hostile_body(text)
    await asking.stored(event(1), replace(event(2, DEATH), body=body), event(3))
    (_, message, _) = await asking.messages(3, last_event_id="0")
    id_, type_, data = message.removesuffix(b"\n\n").split(b"\n")
    assert (id_, type_) == (b"id: 2", b"event: exit137.container_death")
    assert orjson.loads(data.removeprefix(b"data: ")) == orjson.loads(body)


@pytest.mark.parametrize("text", HOSTILE)
async def test_an_answer_has_the_events_unchanged(asking: Asking, text: str) -> None:
    """
    Whatever the text is, the answer is JSON, and the event in it is the one that was published.
    """
    body = hostile_body(text)
    await asking.stored(replace(event(1, DEATH), body=body))
    _, answer = await asking.get("/v1/events", type=DEATH)
    assert answer["events"] == [orjson.loads(body)]

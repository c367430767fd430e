"""
The opensearch sink: what it sends, and what the answer for each event means.
"""

import base64
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from sinks.base import Outgoing
from sinks.errors import DisabledError, PartialError, PermanentError, Reason, SinkError, TransientError
from sinks.formats import Format, rendered
from sinks.opensearch import OpenSearchConfig, OpenSearchSink
from sinks.secret import decode_secret
from tests.unit.sinks.http.receiver import raw, receiver, status
from tests.unit.sinks.opensearch.engine import Engine, engine

STREAM = "logs-exit137-default"
NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)


def event(name: str, time: str | None = "2026-11-22T03:17:04.118203Z", text: str = "x") -> Outgoing:
    data = {"@timestamp": time, "message": text, "event": {"action": "oom-kill"}}
    if time is None:
        del data["@timestamp"]
    return Outgoing(id=name, type="exit137.oom_kill", key="k", body=orjson.dumps({"id": name, "data": data}))


def config(port: int, **settings: Any) -> OpenSearchConfig:  # noqa: ANN401 (any setting)
    given = {"name": "siem", "type": "opensearch", "url": f"http://127.0.0.1:{port}/"} | settings
    return msgspec.convert(given, OpenSearchConfig, dec_hook=decode_secret)


async def send(settings: OpenSearchConfig, *batch: Outgoing) -> None:
    """
    Open a sink, send a batch, and close it.
    """
    sink = OpenSearchSink(settings, lambda: NOW)
    try:
        await sink.open()
        await sink.send(batch)
    finally:
        await sink.aclose()


@pytest.fixture
async def there() -> AsyncIterator[Engine]:
    async with engine() as found:
        yield found


async def test_an_event_is_a_document_in_the_elastic_common_schema(there: Engine) -> None:
    """
    The document is the event's data with the event's id, under that id.
    """
    await send(config(there.port), event("e1"))
    assert there.indices[STREAM]["e1"] == {
        "@timestamp": "2026-11-22T03:17:04.118203Z",
        "message": "x",
        "event": {"action": "oom-kill", "id": "e1"},
    }


@pytest.mark.parametrize("form", Format)
async def test_every_format_has_the_time_that_a_data_stream_needs(there: Engine, form: Format) -> None:
    """
    Next to it the document is what other sinks send in that format.
    """
    await send(config(there.port, index="i", format=form.value), event("e1"))
    document = dict(there.indices["i"]["e1"])
    stamp = document["@timestamp"] if form is Format.ECS else document.pop("@timestamp")
    assert stamp == "2026-11-22T03:17:04.118203Z"
    assert document == orjson.loads(rendered(event("e1"), form, NOW))


@pytest.mark.parametrize("stamp", ["yesterday", 7, None, ["2026-11-22T03:17:04Z"]])
async def test_a_time_that_is_none_does_not_hold_the_others_back(there: Engine, stamp: object) -> None:
    """
    A stored event may be of another version; it gets the time of sending, also where the index is chosen by it.
    """
    body = orjson.dumps({"data": {"@timestamp": stamp}})
    await send(config(there.port, index="i-%Y"), Outgoing(id="e1", type="t", key="k", body=body), event("e2"))
    assert there.indices["i-2026"]["e1"]["@timestamp"] == "2026-11-29T08:00:00Z"


async def test_an_event_without_a_time_gets_that_of_sending(there: Engine) -> None:
    """
    A data stream refuses a document without a time.
    """
    await send(config(there.port), event("e1", time=None))
    assert there.indices[STREAM]["e1"]["@timestamp"] == "2026-11-29T08:00:00Z"


async def test_an_index_by_date_is_that_of_the_event(there: Engine) -> None:
    """
    A repeated event goes to the index in which it is already, also on another day.
    """
    await send(config(there.port, index="exit137-%Y.%m.%d"), event("e1"), event("e2", "2026-01-02T00:00:00Z"))
    assert {name: list(index) for name, index in there.indices.items()} == {
        "exit137-2026.11.22": ["e1"],
        "exit137-2026.01.02": ["e2"],
    }


async def test_a_repeated_event_is_delivered(there: Engine) -> None:
    """
    The engine answers 409 for an id that it has; nothing is left to do.
    """
    await send(config(there.port), event("e1"))
    await send(config(there.port), event("e1"), event("e2"))
    assert list(there.indices[STREAM]) == ["e1", "e2"]


async def test_a_large_batch_is_divided_by_bytes(there: Engine) -> None:
    """
    No request is larger than the limit, and all events arrive in order.
    """
    batch = [event(f"e{number:02}", text="x" * 3000) for number in range(20)]
    await send(config(there.port, max_bytes=10_000), *batch)
    assert list(there.indices[STREAM]) == [item.id for item in batch]
    assert {count for _, count in there.requests} == {3, 2}


async def test_what_a_proxy_finds_too_large_is_sent_in_halves(there: Engine) -> None:
    """
    A proxy may accept less than the engine; only an event that is too large alone becomes a dead letter.
    """
    there.largest = 8000
    batch = [event("e1", text="x" * 2000), event("e2", text="x" * 9000), event("e3"), event("e4")]
    with pytest.raises(PartialError) as caught:
        await send(config(there.port), *batch)
    assert {name: type(error) for name, error in caught.value.failures.items()} == {"e2": PermanentError}
    assert caught.value.failures["e2"].reason is Reason.TOO_LARGE
    assert list(there.indices[STREAM]) == ["e1", "e3", "e4"]


REASON = {
    "type": "mapper_parsing_exception",
    "reason": "failed to parse field [x]",
    "caused_by": {"type": "number_format_exception", "reason": 'For input string: "many"'},
}


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        ({"status": 400, "error": REASON}, PermanentError, Reason.REJECTED),
        ({"status": 429, "error": {"type": "rejected_execution_exception"}}, TransientError, Reason.RATE_LIMITED),
        ({"status": 503, "error": {"type": "unavailable_shards_exception"}}, TransientError, Reason.SERVER_ERROR),
        ({"status": 403, "error": {"type": "cluster_block_exception"}}, TransientError, Reason.SERVER_ERROR),
        ({"status": 400, "error": {"type": "index_closed_exception"}}, TransientError, Reason.SERVER_ERROR),
        ({"status": 403, "error": {"type": "security_exception"}}, DisabledError, Reason.UNAUTHORIZED),
        ({"status": 404, "error": {"type": "index_not_found_exception"}}, DisabledError, Reason.NO_SUCH_TARGET),
        ({"status": 400, "error": {"type": "invalid_index_name_exception"}}, DisabledError, Reason.NO_SUCH_TARGET),
    ],
)
async def test_the_answer_for_an_event_decides(
    there: Engine, answer: Mapping[str, Any], kind: type[SinkError], reason: Reason
) -> None:
    """
    What passes is retried, what the mapping refuses becomes a dead letter, and what an operator must change waits.
    """
    there.refusal = lambda _action, _document: answer
    with pytest.raises(kind) as caught:
        await send(config(there.port), event("e1"))
    assert caught.value.reason is reason


async def test_a_dead_letter_has_the_reason_of_the_mapper(there: Engine) -> None:
    """
    The other events of the request are delivered.
    """
    there.refusal = lambda action, _document: {"status": 400, "error": REASON} if action["_id"] == "e2" else None
    with pytest.raises(PartialError) as caught:
        await send(config(there.port), event("e1"), event("e2"), event("e3"))
    (failure,) = caught.value.failures.values()
    assert "failed to parse field [x]" in failure.detail
    assert 'For input string: "many"' in failure.detail
    assert list(there.indices[STREAM]) == ["e1", "e3"]


async def test_after_a_refusal_that_passes_no_further_request_is_sent(there: Engine) -> None:
    """
    A busy engine is left alone; what it accepted is delivered.
    """
    there.refusal = lambda action, _document: {"status": 429} if action["_id"] == "e1" else None
    batch = [event(f"e{number}", text="x" * 4000) for number in range(6)]
    with pytest.raises(PartialError) as caught:
        await send(config(there.port, max_bytes=10_000), *batch)
    assert sorted(caught.value.failures) == ["e1", "e2", "e3", "e4", "e5"]
    assert len(there.requests) == 1


@pytest.mark.parametrize("code", [400, 405, 404])
async def test_a_request_that_is_refused_costs_no_event(code: int) -> None:
    """
    An engine judges events one by one, so that such an answer is that of another server.
    """
    async with receiver(status(code)) as server:
        with pytest.raises(DisabledError):
            await send(config(server.port), event("e1"), event("e2"))


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"<html>", b'{"items": [{"create": {"status": "x"}}, 7]}', b'{"items": [{}]}']
)
async def test_an_answer_of_another_kind_is_not_an_acceptance(body: bytes) -> None:
    """
    A proxy that answers 200 with a page of its own has indexed nothing.
    """
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    async with receiver(raw(head + body)) as server:
        with pytest.raises(TransientError):
            await send(config(server.port), event("e1"))


@pytest.mark.parametrize(
    ("key", "header"), [("id:secret", "ApiKey " + base64.b64encode(b"id:secret").decode()), ("aWQ6", "ApiKey aWQ6")]
)
async def test_an_api_key_is_sent(there: Engine, tmp_path: Path, key: str, header: str) -> None:
    """
    Both forms are accepted in which engines print a key.
    """
    (tmp_path / "key").write_text(f"{key}\n")
    await send(config(there.port, api_key_file=str(tmp_path / "key")), event("e1"))
    assert there.requests[0][0]["Authorization"] == header


async def test_a_user_and_a_password_are_sent(there: Engine, tmp_path: Path) -> None:
    """
    The password is read from a file, and the path of the URL stays.
    """
    (tmp_path / "password").write_text("päss")
    settings = config(
        there.port, url=f"http://127.0.0.1:{there.port}/below", user="a", password_file=str(tmp_path / "password")
    )
    await send(settings, event("e1"))
    assert there.requests[0][0]["Authorization"] == "Basic " + base64.b64encode("a:päss".encode()).decode()


@pytest.mark.parametrize(
    "settings",
    [
        {"index": "Logs"},
        {"index": "a,b"},
        {"index": "logs-*"},
        {"index": "logs-%x"},
        {"index": "_all"},
        {"format": "ocsf"},
        {"format": "cloudevents", "index": "logs-exit137-raw"},
        {"user": "a"},
        {"password_file": "p"},
        {"user": "a", "password_file": "p", "api_key_file": "k"},
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: Mapping[str, Any]) -> None:
    """
    A name addresses one index, and there is one way to log in.
    """
    with pytest.raises(DisabledError):
        config(1, **settings).check()

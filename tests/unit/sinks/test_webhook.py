"""
The webhook sink: the requests that it sends, and that its secrets appear nowhere else.
"""

import base64
import gzip
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from standardwebhooks import Webhook, WebhookVerificationError

from collector.config.loader import parse
from sinks.base import Outgoing
from sinks.errors import DisabledError, PartialError, Reason, TransientError
from sinks.formats import Format, rendered
from sinks.secret import Secret
from sinks.webhook import WebhookConfig, WebhookSink
from tests.unit.sinks.http.receiver import Receiver, Request, receiver, status

NEW, OLD = ("whsec_" + base64.b64encode(letter * 32).decode() for letter in (b"n", b"o"))
HIDDEN = "h1dden-of-a-test"
NOW = datetime(2026, 11, 29, tzinfo=UTC)


def event(name: str, key: str = "k") -> Outgoing:
    body = {
        "specversion": "1.0",
        "id": name,
        "source": "urn:exit137:host:1",
        "type": "exit137.oom_kill",
        "subject": f"container/{key}",
        "time": "2026-11-22T03:17:04.118203Z",
        "datacontenttype": "application/json",
        "data": {"@timestamp": "2026-11-22T03:17:04.118203Z", "message": "Ünïcödé"},
    }
    return Outgoing(id=name, type="exit137.oom_kill", key=key, body=orjson.dumps(body))


def config(port: int, folder: Path, **settings: Any) -> WebhookConfig:  # noqa: ANN401 (any setting)
    """
    Return a configuration with two signing secrets.
    """
    paths = []
    for name, text in (("new", NEW), ("old", OLD)):
        (folder / name).write_text(text)
        paths.append(str(folder / name))
    settings = {"url": Secret(f"http://127.0.0.1:{port}/"), "signing_secrets_files": tuple(paths), **settings}
    return WebhookConfig(name="w", type="webhook", **settings)


async def sent(settings: WebhookConfig, *batch: Outgoing, now_s: float | None = None) -> None:
    """
    Open a sink, send a batch, and close it.
    """
    sink = WebhookSink(settings, time.time if now_s is None else lambda: now_s)
    try:
        await sink.open()
        await sink.send(batch)
    finally:
        await sink.aclose()


def verified(request: Request, secret: str) -> Any:  # noqa: ANN401 (what JSON holds)
    return Webhook(secret).verify(request.body, dict(request.headers))


async def test_the_reference_library_verifies_what_arrives(tmp_path: Path) -> None:
    """
    A receiver with either secret accepts the request while one replaces the other.
    """
    async with receiver() as server:
        await sent(config(server.port, tmp_path), event("e1"))
    (request,) = server.requests
    assert verified(request, NEW) == verified(request, OLD) == orjson.loads(event("e1").body)
    assert request.headers["webhook-id"] == "e1"
    assert len(request.headers["webhook-signature"].split(" ")) == 2


async def test_the_library_of_cloudevents_reads_what_arrives(tmp_path: Path) -> None:
    """
    The official CloudEvents library parses the request as a structured event.
    """
    async with receiver() as server:
        await sent(config(server.port, tmp_path), event("e1"))
    (request,) = server.requests
    found = from_structured_event(HTTPMessage(headers=dict(request.headers), body=request.body))
    assert (found.get_id(), found.get_type()) == ("e1", "exit137.oom_kill")
    assert found.get_data() == {"@timestamp": "2026-11-22T03:17:04.118203Z", "message": "Ünïcödé"}


@pytest.mark.parametrize("form", [Format.ECS, Format.OCSF])
async def test_another_format_is_signed_plain_json(tmp_path: Path, form: Format) -> None:
    """
    The signature covers what is sent, and the header says that it is no CloudEvent.
    """
    async with receiver() as server:
        await sent(config(server.port, tmp_path, format=form), event("e1"))
    (request,) = server.requests
    found = verified(request, NEW)
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert request.headers["webhook-id"] == "e1"
    assert found == orjson.loads(rendered(event("e1"), form, NOW))


async def test_the_signature_covers_the_uncompressed_body(tmp_path: Path) -> None:
    """
    A receiver undoes Content-Encoding first, as frameworks do; the compressed bytes do not verify.
    """
    async with receiver() as server:
        await sent(config(server.port, tmp_path, gzip=True), event("e1"))
    (request,) = server.requests
    headers = dict(request.headers)
    assert headers["content-encoding"] == "gzip"
    Webhook(NEW).verify(gzip.decompress(request.body), headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(request.body.decode("latin-1"), headers)


async def test_each_attempt_has_its_own_timestamp(tmp_path: Path) -> None:
    """
    A receiver refuses requests that are five minutes old; the id stays the same, so that it can drop duplicates.
    """
    async with receiver(status(503), status(200)) as server:
        settings = config(server.port, tmp_path)
        with pytest.raises(TransientError):
            await sent(settings, event("e1"), now_s=1_700_000_000.9)
        await sent(settings, event("e1"), now_s=1_700_000_060.1)
    stamps = [(request.headers["webhook-id"], request.headers["webhook-timestamp"]) for request in server.requests]
    assert stamps == [("e1", "1700000000"), ("e1", "1700000060")]
    assert len({request.headers["webhook-signature"] for request in server.requests}) == 2


async def test_without_secrets_there_is_no_signature(tmp_path: Path) -> None:
    """
    Without secrets the other two headers are still sent.
    """
    async with receiver() as server:
        await sent(config(server.port, tmp_path, signing_secrets_files=()), event("e1"))
    names = [name for name in server.requests[0].headers if name.startswith("webhook-")]
    assert names == ["webhook-id", "webhook-timestamp"]


async def test_configured_headers_are_sent_with_each_request(tmp_path: Path) -> None:
    """
    Configured headers cannot replace those that the sink sets.
    """
    headers = {"x-team": Secret("a"), "Webhook-Id": Secret("b")}
    async with receiver() as server:
        await sent(config(server.port, tmp_path, headers=headers), event("e1"))
    found = server.requests[0].headers
    assert (found["x-team"], found["webhook-id"]) == ("a", "e1")


async def test_requests_of_different_containers_run_concurrently(tmp_path: Path) -> None:
    """
    As many requests run as configured, and only one for each container.
    """
    async with receiver(status(200, after_s=0.02)) as many, receiver(status(200, after_s=0.001)) as one:
        await sent(config(many.port, tmp_path), *[event(f"e{number}", f"k{number}") for number in range(64)])
        await sent(config(one.port, tmp_path), *[event(f"e{number}") for number in range(20)])
    assert (many.most, many.connections, len(many.requests)) == (16, 16, 64)
    assert (one.most, ids(one)) == (1, [f"e{number}" for number in range(20)])


def ids(server: Receiver) -> list[str]:
    return [request.headers["webhook-id"] for request in server.requests]


async def test_a_rate_limited_batch_is_delivered_in_part(tmp_path: Path) -> None:
    """
    Accepted events count as delivered, the others are retried after the time that the server asked for.
    """
    async with receiver(status(200), status(429, "retry-after: 9\r\n")) as server:
        with pytest.raises(PartialError) as caught:
            await sent(config(server.port, tmp_path, in_flight=1), *[event(f"e{n}", f"k{n}") for n in range(50)])
    assert ids(server) == ["e0", "e1"]
    failures = caught.value.failures
    assert list(failures) == [f"e{number}" for number in range(1, 50)]
    assert {(failure.reason, getattr(failure, "retry_after_s", None)) for failure in failures.values()} == {
        (Reason.RATE_LIMITED, 9.0)
    }


async def test_http_410_ends_the_batch(tmp_path: Path) -> None:
    """
    Nothing more is sent after HTTP 410.
    """
    async with receiver(status(410)) as server:
        with pytest.raises(DisabledError, match="answered 410"):
            await sent(config(server.port, tmp_path, in_flight=1), event("e1"), event("e2"))
    assert ids(server) == ["e1"]


async def test_secrets_are_read_again_when_the_sink_is_opened_again(tmp_path: Path) -> None:
    """
    Delivery opens the sink again after each failure, so a replaced secret needs no restart.
    """
    async with receiver() as server:
        sink = WebhookSink(config(server.port, tmp_path))
        await sink.open()
        (tmp_path / "old").unlink()
        with pytest.raises(DisabledError, match=r"signing_secrets_files .*/old cannot be read: FileNotFoundError"):
            await sink.open()
        await sink.aclose()


@pytest.mark.parametrize("in_flight", [0, 65])
def test_in_flight_has_bounds(in_flight: int) -> None:
    """
    A value out of bounds is refused, and the error names the setting.
    """
    table = {"name": "w", "type": "webhook", "url": f"https://h/{HIDDEN}", "in_flight": in_flight}
    with pytest.raises(Exception, match=r"sinks\[0\].*in_flight") as caught:
        parse({"sinks": [table]}, "f")
    assert HIDDEN not in str(caught.value)


async def test_neither_configuration_nor_sink_shows_a_secret(tmp_path: Path) -> None:
    """
    Printing the configuration, the sink or their attributes shows no secret.
    """
    hidden = Secret(f"http://127.0.0.1/{HIDDEN}")
    settings = config(1, tmp_path, url=hidden, proxy=hidden, headers={"authorization": Secret(HIDDEN)})
    sink = WebhookSink(settings)
    await sink.open()
    shown = [repr(settings), repr(vars(sink)), repr(vars(sink._client)), repr(vars(sink._signer)), f"{hidden}"]
    await sink.aclose()
    for secret in (HIDDEN, *(text.removeprefix("whsec_") for text in (NEW, OLD)), "n" * 32, "o" * 32):
        assert secret not in "".join(shown)

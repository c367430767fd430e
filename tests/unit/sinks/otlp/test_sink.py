"""
The otlp sink: what the answer of an endpoint means.
"""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import orjson
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsPartialSuccess, ExportLogsServiceResponse

from sinks.base import Outgoing
from sinks.errors import DisabledError, PartialError, PermanentError, Reason, SinkError, TransientError
from sinks.otlp import OtlpConfig, OtlpSink
from sinks.secret import decode_secret
from tests.unit.sinks.http.receiver import raw, receiver, status
from tests.unit.sinks.otlp.endpoint import Answer, Endpoint, accepted, endpoint


def event(name: str) -> Outgoing:
    return Outgoing(
        id=name, type="exit137.oom_kill", key="k", body=orjson.dumps({"id": name, "data": {"message": "m"}})
    )


def config(port: int, **settings: Any) -> OtlpConfig:  # noqa: ANN401 (any setting)
    given = {"name": "otel", "type": "otlp", "url": f"http://127.0.0.1:{port}/"} | settings
    return msgspec.convert(given, OtlpConfig, dec_hook=decode_secret)


async def send(settings: OtlpConfig, *names: str) -> None:
    """
    Open a sink, send a batch, and close it.
    """
    sink = OtlpSink(settings)
    try:
        await sink.open()
        await sink.send([event(name) for name in names])
    finally:
        await sink.aclose()


def partly(count: int, words: str = "") -> Answer:
    partial = ExportLogsPartialSuccess(rejected_log_records=count, error_message=words)
    return 200, ExportLogsServiceResponse(partial_success=partial)


@pytest.fixture
async def there() -> AsyncIterator[Endpoint]:
    async with endpoint() as found:
        yield found


async def test_a_batch_is_divided_into_requests(there: Endpoint) -> None:
    """
    A request has at most as many events as the configuration says, in order.
    """
    await send(config(there.port, batch=2), "1", "2", "3", "4", "5")
    assert there.requests == [["1", "2"], ["3", "4"], ["5"]]


async def test_a_record_that_is_refused_is_a_dead_letter_with_its_reason(there: Endpoint) -> None:
    """
    The endpoint says how many it refused, not which: sent one by one, each record has an answer of its own.
    """
    there.answer = lambda ids: partly(1, "too old") if "2" in ids else accepted(ids)
    with pytest.raises(PartialError) as caught:
        await send(config(there.port), "1", "2", "3")
    assert list(caught.value.failures) == ["2"]
    assert "too old" in caught.value.failures["2"].detail
    assert there.requests == [["1", "2", "3"], ["1"], ["2"], ["3"]]


async def test_a_request_of_which_all_is_refused_is_not_sent_again(there: Endpoint) -> None:
    """
    Then it is known which records were refused.
    """
    there.answer = lambda ids: partly(len(ids), "no")
    with pytest.raises(PartialError) as caught:
        await send(config(there.port), "1", "2")
    assert {type(failure) for failure in caught.value.failures.values()} == {PermanentError}
    assert len(there.requests) == 1


async def test_a_warning_without_a_refusal_is_an_acceptance(there: Endpoint) -> None:
    """
    An endpoint may say something and accept everything.
    """
    there.answer = lambda _ids: partly(0, "deprecated")
    await send(config(there.port), "1", "2")
    assert len(there.requests) == 1


@pytest.mark.parametrize("code", [400, 413])
async def test_a_request_that_is_refused_is_divided_until_the_event_is_found(there: Endpoint, code: int) -> None:
    """
    Only the event at fault becomes a dead letter.
    """
    there.answer = lambda ids: (code, ExportLogsServiceResponse()) if "3" in ids else accepted(ids)
    with pytest.raises(PartialError) as caught:
        await send(config(there.port), "1", "2", "3", "4")
    assert {name: type(failure) for name, failure in caught.value.failures.items()} == {"3": PermanentError}
    assert there.requests == [["1", "2", "3", "4"], ["1", "2"], ["3", "4"], ["3"], ["4"]]


@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [
        (429, TransientError, Reason.RATE_LIMITED),
        (500, TransientError, Reason.SERVER_ERROR),
        (503, TransientError, Reason.SERVER_ERROR),
        (401, DisabledError, Reason.UNAUTHORIZED),
        (404, DisabledError, Reason.NO_SUCH_TARGET),
    ],
)
async def test_the_status_decides(code: int, kind: type[SinkError], reason: Reason) -> None:
    """
    What passes is retried, after the wait that the endpoint asks for; what an operator must change waits.
    """
    async with receiver(status(code, "retry-after: 7\r\n")) as server:
        with pytest.raises(kind) as caught:
            await send(config(server.port), "1", "2")
    assert caught.value.reason is reason
    assert getattr(caught.value, "retry_after_s", 7.0) == 7.0


async def test_after_a_failure_that_passes_nothing_more_is_sent(there: Endpoint) -> None:
    """
    What was accepted before is delivered.
    """
    there.answer = lambda ids: (503, ExportLogsServiceResponse()) if "2" in ids else accepted(ids)
    with pytest.raises(PartialError) as caught:
        await send(config(there.port, batch=1), "1", "2", "3")
    assert sorted(caught.value.failures) == ["2", "3"]
    assert there.requests == [["1"], ["2"]]


async def test_a_slow_endpoint_ends_the_batch_in_time() -> None:
    """
    What was accepted is delivered, and the rest is sent at once by the next batch.
    """
    async with receiver(status(200, after_s=0.3)) as server:
        with pytest.raises(PartialError) as caught:
            await send(config(server.port, batch=1, timeout_s=0.7), *map(str, range(30)))
    failures = caught.value.failures
    assert 0 < len(failures) < 30
    assert {getattr(failure, "retry_after_s", None) for failure in failures.values()} <= {0.0, None}
    assert "0" not in failures


async def test_an_answer_of_another_kind_is_not_an_acceptance() -> None:
    """
    A proxy that answers 200 with a page of its own has taken nothing.
    """
    async with receiver(raw(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>")) as server:
        with pytest.raises(TransientError):
            await send(config(server.port), "1")

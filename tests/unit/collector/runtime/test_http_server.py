"""
The HTTP server, over real connections.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from http import HTTPStatus

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from collector.config.sections import parse_address
from collector.metrics import Metrics
from collector.runtime.http_server import HttpServer, Response


class Agent:
    """
    A health check whose answer the test sets.
    """

    reasons: Sequence[str] = ()

    def __init__(self) -> None:
        self.metrics = Metrics(sources=["kmsg"])

    async def refresh_metrics(self) -> None:
        self.metrics.resident_memory_bytes.set(to=4096)

    def readiness(self) -> tuple[bool, Sequence[str]]:
        return not self.reasons, self.reasons


@pytest.fixture
def agent() -> Agent:
    return Agent()


@pytest.fixture
async def server(agent: Agent) -> AsyncIterator[HttpServer]:
    server = HttpServer("127.0.0.1:0", agent.metrics, agent)
    await server.start()
    yield server
    await server.aclose()
    await server.aclose()


async def ask(server: HttpServer, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_metrics_are_served_in_the_text_format(server: HttpServer) -> None:
    """
    The response has the content type that Prometheus expects and current values; a query is ignored.
    """
    answer = await ask(server, b"GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4")
    assert b"exit137_resident_memory_bytes 4096.0" in answer


async def test_metrics_are_openmetrics_if_the_client_asks(server: HttpServer) -> None:
    """
    Prometheus asks for OpenMetrics, and the parser of the format accepts the answer.
    """
    accept = b"accept: application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.2"
    answer = await ask(server, b"GET /metrics HTTP/1.1\r\n%s\r\n\r\n" % accept)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Content-Type: application/openmetrics-text; version=1.0.0" in head
    names = {family.name for family in text_string_to_metric_families(body.decode())}
    assert {"exit137_events", "exit137_source_lag_seconds", "exit137_sink_circuit"} <= names


@pytest.mark.parametrize("accept", [b"application/openmetrics-text; version=abc", b"\xff\xfe", b",;=,", b""])
async def test_an_odd_accept_header_gets_an_answer(server: HttpServer, accept: bytes) -> None:
    """
    An Accept header that makes no sense leads to the text format, not to an error.
    """
    assert b" 200 " in await ask(server, b"GET /metrics HTTP/1.1\r\nAccept: %s\r\n\r\n" % accept)


async def test_readiness_says_what_is_missing(server: HttpServer, agent: Agent) -> None:
    """
    /readyz answers 503 with the reasons, or 200; /healthz answers 200 either way.
    """
    assert b" 200 " in await ask(server, b"GET /readyz HTTP/1.1\r\n\r\n")
    agent.reasons = ["no source is read"]
    answer = await ask(server, b"GET /readyz HTTP/1.1\r\n\r\n")
    assert b" 503 " in answer
    assert answer.endswith(b"no source is read\n")
    assert b" 200 " in await ask(server, b"GET /healthz HTTP/1.1\r\n\r\n")


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /other HTTP/1.1", b" 404 "),
        (b"POST /metrics HTTP/1.1", b" 405 "),
        (b"GET /metrics", b" 400 "),
        (b"\x16\x03\x01", b" 400 "),
    ],
)
async def test_a_wrong_request_is_refused(server: HttpServer, request_line: bytes, status: bytes) -> None:
    """
    Each wrong request gets the status that says what is wrong with it.
    """
    assert status in (await ask(server, request_line + b"\r\n\r\n")).split(b"\r\n")[0]


@pytest.mark.parametrize(
    ("listen", "found"),
    [
        ("127.0.0.1:9137", ("127.0.0.1", 9137)),
        (":9137", (None, 9137)),
        ("[::1]:9137", ("::1", 9137)),
    ],
)
def test_an_address_is_a_host_and_a_port(listen: str, found: tuple[str | None, int]) -> None:
    """
    An address without a host means all addresses of this host.
    """
    assert parse_address(listen) == found


@pytest.mark.parametrize("listen", ["", "9137", "host:", "host:http"])
def test_an_address_needs_a_port(listen: str) -> None:
    """
    An address without a valid port is refused; no port is assumed.
    """
    with pytest.raises(ValueError, match="expected"):
        parse_address(listen)


async def test_a_slow_client_is_cut_off(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A request has a time limit from its first byte on, however many bytes follow.
    """
    monkeypatch.setattr("collector.runtime.http_server._REQUEST_S", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)

    async def go_on() -> None:
        writer.write(b"GET /healthz HTTP/1.1\r\n")
        while not reader.at_eof():
            writer.write(b"X: y\r\n")
            await asyncio.sleep(0.01)

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        slow = group.create_task(go_on(), name="slow client")
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        slow.cancel()
    writer.transport.abort()


async def test_a_flood_of_connections_does_not_take_all_descriptors(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Connections beyond the limit are closed at once, and the others are served.
    """
    monkeypatch.setattr("collector.runtime.http_server._CONNECTIONS", 2)
    idle = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)]
    first_reader, first_writer = idle[0]
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    first_writer.write(b"GET /healthz HTTP/1.1\r\n\r\n")
    assert (await first_reader.read()).startswith(b"HTTP/1.1 200 ")
    for _, each in [*idle, (reader, writer)]:
        each.close()


class SilentFeed:
    """
    An API that answers everything with a stream in which nothing happens.
    """

    async def answer(self, _path: str, _parameters: Mapping[str, str], _last_event_id: str | None) -> Response:
        return HTTPStatus.OK, "text/event-stream", self._messages()

    async def _messages(self) -> AsyncIterator[bytes]:
        yield b": alive\n\n"
        await asyncio.Event().wait()

    def close(self) -> None: ...


async def test_a_stream_ends_when_its_client_leaves(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The place of a stream is free for the next client at once, not when something is sent the next time.
    """
    monkeypatch.setattr("collector.runtime.http_server._STREAMS", 1)
    server = HttpServer("127.0.0.1:0", agent.metrics, agent, api=SilentFeed(), guard=lambda _request, _socket: None)
    await server.start()
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /v1/stream HTTP/1.1\r\n\r\n")
        assert b" 200 " in await reader.readuntil(b"alive")
        assert b" 503 " in await ask(server, b"GET /v1/stream HTTP/1.1\r\n\r\n")
        writer.close()
        await writer.wait_closed()
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"GET /v1/stream HTTP/1.1\r\n\r\n")
            if b" 200 " in await reader.readline():
                break
            writer.close()
    writer.close()
    await server.aclose()

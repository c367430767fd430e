"""
Who may ask the API, over real connections.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.metrics import Metrics
from collector.runtime import access
from collector.runtime.access import TcpGuard, socket_guard
from collector.runtime.http_request import RefusedRequestError, Request, parse_head
from collector.runtime.http_server import HttpServer, Response
from sinks.secret import Secret

ASKED = b"GET /v1/why?container=a%20b HTTP/1.1\r\nHost: localhost:9137\r\n"


class Health:
    """
    An agent that works.
    """

    async def refresh_metrics(self) -> None:
        pass

    def readiness(self) -> tuple[bool, Sequence[str]]:
        return True, ()


class Echo:
    """
    Answers with what was asked, and /v1/stream with as much as the client takes.
    """

    async def answer(self, path: str, parameters: Mapping[str, str], last_event_id: str | None) -> Response:
        if path == "/v1/stream":
            return HTTPStatus.OK, "text/event-stream", self._endless()
        return HTTPStatus.OK, "text/plain", f"{path} {dict(parameters)} {last_event_id}".encode()

    async def _endless(self) -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65_536


async def ask(server: HttpServer, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.fixture
async def server() -> AsyncIterator[HttpServer]:
    found = HttpServer(
        "127.0.0.1:0", Metrics(), Health(), api=Echo(), guard=TcpGuard(None, frozenset({"localhost", "node-7"}))
    )
    await found.start()
    yield found
    await found.aclose()


async def test_a_program_of_this_host_is_answered(server: HttpServer) -> None:
    """
    The parameters are decoded once.
    """
    answer = await ask(server, ASKED + b"Last-Event-ID: 7\r\n\r\n")
    assert answer.endswith(b"/v1/why {'container': 'a b'} 7")


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (b"Host: evil.example", 421),
        (b"Host: localhost.evil.example", 421),
        (b"Host:", 421),
        (b"Host: node-7:9137\r\nOrigin: http://evil.example", 403),
        (b"Host: node-7:9137\r\nOrigin: null", 403),
        (b"Host: 127.0.0.1\r\nSec-Fetch-Site: cross-site", 403),
        (b"Host: 127.0.0.1\r\nHost: evil.example", 400),
        (b"Host : 127.0.0.1", 400),
        (b"X: " + b"x" * 9000, 400),
        (b"Host: NODE-7", 200),
        (b"Host: [::1]:9137", 200),
        (b"Host: [::1]", 200),
        (b"Host: 10.0.0.7:9137\r\nSec-Fetch-Site: none", 200),
    ],
)
async def test_a_page_in_a_browser_is_refused(server: HttpServer, header: bytes, status: int) -> None:
    """
    Whatever name it has given to this host, and whoever it says it is.
    """
    answer = await ask(server, b"GET /v1/events HTTP/1.1\r\n" + header + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 %d " % status)


async def test_metrics_are_served_under_any_name(server: HttpServer) -> None:
    """
    Prometheus asks by a name that the agent may not know.
    """
    assert b" 200 " in await ask(server, b"GET /metrics HTTP/1.1\r\nHost: elsewhere\r\n\r\n")


@pytest.mark.parametrize(
    ("sent", "status"),
    [(b"Bearer s3cret", 200), (b"bearer s3cret", 200), (b"Bearer s3cre", 401), (b"Basic s3cret", 401), (b"", 401)],
)
async def test_the_token_must_be_sent_where_one_is_set(sent: bytes, status: int) -> None:
    """
    Metrics need none.
    """
    guard = TcpGuard(Secret("s3cret"), frozenset({"localhost"}))
    server = HttpServer("127.0.0.1:0", Metrics(), Health(), api=Echo(), guard=guard)
    await server.start()
    answer = await ask(server, ASKED + b"Authorization: " + sent + b"\r\n\r\n")
    await server.aclose()
    assert answer.startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize("query", [b"a=1&a=2", b"a=%ff", b"&".join(b"a%d=1" % n for n in range(40))])
async def test_a_query_that_means_several_things_is_refused(server: HttpServer, query: bytes) -> None:
    """
    As are bytes that are no text, and more parameters than any path has.
    """
    head = b"GET /v1/events?" + query + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert b" 400 " in (await ask(server, head)).split(b"\r\n")[0]


async def test_a_client_that_takes_nothing_is_let_go(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A stream holds a connection only as long as its client reads.
    """
    monkeypatch.setattr("collector.runtime.http_server._TAKE_S", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
    writer.write(b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await reader.readexactly(100)
    async with asyncio.timeout(30):
        await asyncio.gather(*server._tasks)
    assert server._streams == set()
    writer.transport.abort()


async def test_streams_that_end_take_no_room_from_requests(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A connection that is closed may still be waited for, and there may be hundreds of them at once.
    """
    monkeypatch.setattr("collector.runtime.http_server._CONNECTIONS", 1)
    closing, closed = asyncio.Event(), asyncio.Event()

    async def wait_closed(_: asyncio.StreamWriter) -> None:
        closing.set()
        await closed.wait()

    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
    writer.write(b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await reader.readexactly(100)
    monkeypatch.setattr(asyncio.StreamWriter, "wait_closed", wait_closed)
    writer.transport.abort()
    async with asyncio.timeout(30):
        await closing.wait()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(ASKED + b"\r\n")
        assert b" 200 " in await reader.readline()
    closed.set()
    writer.transport.abort()


async def test_streams_end_with_the_server(server: HttpServer, caplog: pytest.LogCaptureFixture) -> None:
    """
    Their clients see it at once, and nobody logs an error.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await reader.readexactly(100)
    await server.aclose()
    assert not server._tasks
    async with asyncio.timeout(30):
        with contextlib.suppress(ConnectionError):
            while await reader.read(1 << 20):
                pass
    writer.transport.abort()
    assert caplog.records == []


async def test_no_more_streams_than_a_bound(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The next client is refused at once.
    """
    monkeypatch.setattr("collector.runtime.http_server._STREAMS", 0)
    assert b" 503 " in await ask(server, b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")


async def test_the_socket_answers_its_own_user_and_replaces_one_that_was_left(tmp_path: Path) -> None:
    """
    Only the owner and the group may open it; it is gone when the agent stops.
    """
    path = tmp_path / "run" / "api.sock"
    path.parent.mkdir()
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    server = HttpServer(f"unix:{path}", Metrics(), Health(), api=Echo(), guard=socket_guard)
    await server.start()
    assert path.stat().st_mode & 0o777 == 0o660
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(ASKED + b"\r\n")
    assert (await reader.read()).endswith(b"None")
    writer.close()
    await writer.wait_closed()
    await server.aclose()
    assert not path.exists()


async def test_a_file_in_the_place_of_the_socket_is_left_alone(tmp_path: Path) -> None:
    """
    It is not the agent's.
    """
    (tmp_path / "api.sock").write_text("mine")
    with pytest.raises(OSError, match="in use"):
        await HttpServer(f"unix:{tmp_path}/api.sock", Metrics(), Health()).start()
    assert (tmp_path / "api.sock").read_text() == "mine"


class _Peer:
    """
    A connection whose client has these ids.
    """

    def __init__(self, uid: int, gid: int) -> None:
        self._ids = (uid, gid)

    def getsockopt(self, *_: int) -> bytes:
        return access._CREDENTIALS.pack(1, *self._ids)


@pytest.mark.parametrize(
    ("uid", "gid", "allowed"), [(0, 0, True), (os.geteuid(), 1, True), (4242, 777, True), (4242, 778, False)]
)
def test_a_client_of_the_socket_is_root_the_agent_or_a_member_of_the_group(
    monkeypatch: pytest.MonkeyPatch, uid: int, gid: int, allowed: bool
) -> None:
    """
    The kernel says who the client is.
    """
    monkeypatch.setattr(access, "group_id", lambda: 777)
    request = Request(path="/v1/why", query="", headers={})
    if allowed:
        socket_guard(request, _Peer(uid, gid))
    else:
        with pytest.raises(RefusedRequestError):
            socket_guard(request, _Peer(uid, gid))


@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: b"GET /" + text.encode() + b" HTTP/1.1\r\n"))
def test_any_head_is_a_request_or_is_refused(head: bytes) -> None:
    """
    Nothing else happens, and so with its parameters.
    """
    try:
        request = parse_head(head)
        assert request.path.startswith("/")
        assert all(isinstance(value, str) for value in request.parameters.values())
    except RefusedRequestError as refused:
        status = refused.status
    else:
        status = HTTPStatus.OK
    assert status < HTTPStatus.INTERNAL_SERVER_ERROR

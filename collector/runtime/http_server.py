"""
/metrics, /healthz and /readyz over HTTP/1.1, and /v1 where it is switched on; GET only, one request per connection.

A few fixed paths need no framework: aiohttp.web would cost some 14 MB of memory. A request is bounded in size and time,
and so is the time in which a client must take each part of an answer.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from collector.config.sections import parse_address
from collector.metrics import Metrics
from collector.runtime.access import Guard
from collector.runtime.exposition import Exposition
from collector.runtime.http_request import RefusedRequestError, Request, parse_head
from collector.runtime.unix_socket import bound_socket

# A scrape sends a few hundred bytes.
_REQUEST_BYTES: Final = 8192
_REQUEST_S: Final = 5.0
_TAKE_S: Final = 10.0
# Scrapers need a few; without a limit a flood would take the file descriptors that sources and sinks need.
_CONNECTIONS: Final = 64
# Those that listen to the stream of events, beyond them.
_STREAMS: Final = 512
_TEXT: Final = "text/plain; charset=utf-8"
_API: Final = "/v1"
_UNIX: Final = "unix:"

Body: TypeAlias = bytes | AsyncIterator[bytes]
Response: TypeAlias = tuple[HTTPStatus, str, Body]


class HealthCheck(Protocol):
    """
    What the server asks the agent for; implemented by `collector.runtime.health.Health`.
    """

    def readiness(self) -> tuple[bool, Sequence[str]]:
        """
        Return whether the agent works, and the lines that /readyz shows.
        """
        ...

    async def refresh_metrics(self) -> None:
        """
        Update the metrics that are not counted as things happen.
        """
        ...


class Api(Protocol):
    """
    What answers /v1; implemented by `collector.web.api.endpoints.Api`.
    """

    async def answer(self, path: str, parameters: Mapping[str, str], last_event_id: str | None) -> Response:
        """
        Return the answer to a request that may be answered. A body that does not end is a stream of events.
        """
        ...

    def close(self) -> None:
        """
        End what the answers need, once no server asks any more.
        """
        ...


class HttpServer:
    """
    Answers requests at one address.

    Args:
        listen: `host:port`, `[address]:port` or `:port`, where with port 0 the kernel chooses one; `unix:PATH`.
        metrics: what /metrics shows.
        health: what /readyz shows.
        api: answers /v1; None: nothing does.
        guard: says which requests to /v1 may be answered.
    """

    def __init__(
        self,
        listen: str,
        metrics: Metrics,
        health: HealthCheck,
        *,
        api: Api | None = None,
        guard: Guard | None = None,
    ) -> None:
        self._path = Path(listen.removeprefix(_UNIX)) if listen.startswith(_UNIX) else None
        self._host, self._port = parse_address(listen) if self._path is None else (None, 0)
        self._exposition = Exposition(metrics)
        self._health = health
        self._api, self._guard = api, guard
        self._server: asyncio.Server | None = None
        # One task per connection with its time limit, which is set when the server closes; and those that stream.
        self._tasks: dict[asyncio.Task[None], asyncio.Timeout] = {}
        self._streams: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """
        The port that the server listens on.
        """
        return int(self._server.sockets[0].getsockname()[1]) if self._server is not None else self._port

    async def start(self) -> None:
        """
        Start listening.

        Raises:
            OSError: the address is not available.
        """
        if self._path is None:
            self._server = await asyncio.start_server(self._serve, self._host, self._port, limit=_REQUEST_BYTES)
        else:
            listening = bound_socket(self._path)
            self._server = await asyncio.start_unix_server(self._serve, sock=listening, limit=_REQUEST_BYTES)

    async def aclose(self) -> None:
        """
        Stop listening, and end the streams; safe before `start` and twice.
        """
        if self._server is not None:
            server, self._server = self._server, None
            server.close()
            for limit in self._tasks.values():
                if not limit.expired():  # its client may have left a moment ago
                    limit.reschedule(asyncio.get_running_loop().time())
            await server.wait_closed()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=_TAKE_S)
            if self._path is not None:
                self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._tasks) - len(self._streams) >= _CONNECTIONS:
            writer.transport.abort()
            return
        task = _current_task()
        try:
            # Not cancelled from outside: the streams of asyncio 3.11 log an error for each task that ends so.
            async with asyncio.timeout(None) as self._tasks[task]:
                await self._answer(reader, writer)
        except TimeoutError:
            pass  # the server closes, or the client of a stream is gone
        finally:
            self._tasks.pop(task, None)
            self._streams.discard(task)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            status, content_type, body = await self._respond(reader, writer)
            if isinstance(body, bytes):
                writer.write(rendered(status, content_type, body))
                await asyncio.wait_for(writer.drain(), _TAKE_S)
            else:
                await self._stream(reader, writer, content_type, body)
        except (OSError, TimeoutError):
            writer.transport.abort()
        except asyncio.CancelledError:
            writer.transport.abort()  # the client may never take the rest
            raise
        finally:
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), _TAKE_S)

    async def _stream(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, content_type: str, body: AsyncIterator[bytes]
    ) -> None:
        if len(self._streams) >= _STREAMS:
            writer.write(rendered(*plain(HTTPStatus.SERVICE_UNAVAILABLE, "too many streams")))
            return
        self._streams.add(_current_task())
        writer.write(_head(HTTPStatus.OK, content_type, "Cache-Control: no-store\r\n"))
        async with asyncio.TaskGroup() as group:
            leaving = group.create_task(self._end_with_client(reader, _current_task()), name="client of a stream")
            try:
                await _send(writer, body)
            except (OSError, TimeoutError):
                writer.transport.abort()
            finally:
                leaving.cancel()

    async def _end_with_client(self, reader: asyncio.StreamReader, stream: asyncio.Task[None]) -> None:
        """
        End a stream as soon as its client closes the connection, so that its place is free for another.
        """
        with contextlib.suppress(OSError):
            while await reader.read(_REQUEST_BYTES):
                pass
        self._tasks[stream].reschedule(asyncio.get_running_loop().time())

    async def _respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Response:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _REQUEST_S)
            return await self._page(parse_head(head), writer)
        except RefusedRequestError as error:
            return plain(error.status, *([error.why] if error.why else []))
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return plain(HTTPStatus.BAD_REQUEST)

    async def _page(self, request: Request, writer: asyncio.StreamWriter) -> Response:
        match request.path:
            case "/metrics":
                await self._health.refresh_metrics()
                return HTTPStatus.OK, *self._exposition.text(request.headers.get("accept", ""))
            case "/healthz":
                return plain(HTTPStatus.OK)
            case "/readyz":
                ready, reasons = self._health.readiness()
                return plain(HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE, *reasons)
            case path if self._api is not None and self._guard is not None and f"{path}/".startswith(f"{_API}/"):
                self._guard(request, writer.get_extra_info("socket"))
                return await self._api.answer(path, request.parameters, request.headers.get("last-event-id"))
            case _:
                return plain(HTTPStatus.NOT_FOUND)


def _current_task() -> asyncio.Task[None]:
    task: asyncio.Task[None] | None = asyncio.current_task()
    assert task is not None  # noqa: S101 (a server runs its callback in a task)
    return task


async def _send(writer: asyncio.StreamWriter, body: AsyncIterator[bytes]) -> None:
    """
    Send the parts of a stream, each of which the client must take in time.
    """
    async for part in body:
        writer.write(part)
        async with asyncio.timeout(_TAKE_S):
            await writer.drain()


def rendered(status: HTTPStatus, content_type: str, body: bytes) -> bytes:
    """
    Return a whole response as it is sent.
    """
    return _head(status, content_type, f"Content-Length: {len(body)}\r\n") + body


def plain(status: HTTPStatus, *lines: str) -> tuple[HTTPStatus, str, bytes]:
    """
    Return a response as text.
    """
    return status, _TEXT, "".join(f"{line}\n" for line in (status.phrase, *lines)).encode()


def _head(status: HTTPStatus, content_type: str, more: str) -> bytes:
    return (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {content_type}\r\n"
        f"X-Content-Type-Options: nosniff\r\n{more}Connection: close\r\n\r\n"
    ).encode()

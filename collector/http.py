"""
/metrics, /healthz and /readyz over HTTP/1.1, GET only, one request per connection.

Three fixed paths need no framework: aiohttp.web would cost some 14 MB of memory. What a stranger can send is
bounded in size and in time; nothing of it is interpreted but the first line (RFC 9112 3) and the Accept header.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final, Protocol, TypeAlias

from collector.exposition import Exposition
from collector.listen import address
from collector.metrics import Metrics

_REQUEST_BYTES: Final = 8192
_REQUEST_S: Final = 5.0
_TEXT: Final = "text/plain; charset=utf-8"

_Answer: TypeAlias = tuple[HTTPStatus, str, bytes]


class Health(Protocol):
    """
    How the agent is, as far as the server asks.
    """

    def readiness(self) -> tuple[bool, Sequence[str]]:
        """
        Whether the agent does its work and, if not, why; what /readyz shows.
        """
        ...

    async def look(self) -> None:
        """
        Bring the metrics up to date.
        """
        ...


class HttpServer:
    """
    The server.

    Args:
        listen: `host:port`, `[address]:port` or `:port`; port 0 takes any.
        metrics: what /metrics shows.
        health: how the agent is.
    """

    def __init__(self, listen: str, metrics: Metrics, health: Health) -> None:
        self._host, self._port = address(listen)
        self._exposition = Exposition(metrics)
        self._health = health
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """
        The port that is listened on.
        """
        if self._server is None:
            return self._port
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """
        Begin to listen.

        Raises:
            OSError: the address cannot be had.
        """
        self._server = await asyncio.start_server(self._serve, self._host, self._port, limit=_REQUEST_BYTES)

    async def aclose(self) -> None:
        """
        Stop listening; safe before `start` and twice.
        """
        if self._server is not None:
            server, self._server = self._server, None
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_S):
                writer.write(rendered(await self._answer(reader)))
                await writer.drain()
        except (OSError, TimeoutError):
            writer.transport.abort()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader) -> _Answer:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return _plain(HTTPStatus.BAD_REQUEST)
        match head.split(b"\r\n", 1)[0].split(b" "):
            case [b"GET", target, b"HTTP/1.0" | b"HTTP/1.1"]:
                return await self._page(target.split(b"?", 1)[0], accepted(head))
            case [_, _, b"HTTP/1.0" | b"HTTP/1.1"]:
                return _plain(HTTPStatus.METHOD_NOT_ALLOWED)
            case _:
                return _plain(HTTPStatus.BAD_REQUEST)

    async def _page(self, path: bytes, accept: str) -> _Answer:
        match path:
            case b"/metrics":
                await self._health.look()
                return HTTPStatus.OK, *self._exposition.text(accept)
            case b"/healthz":
                return _plain(HTTPStatus.OK)
            case b"/readyz":
                ready, reasons = self._health.readiness()
                status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
                return _plain(status, *reasons)
            case _:
                return _plain(HTTPStatus.NOT_FOUND)


def accepted(head: bytes) -> str:
    """
    The value of the Accept header; empty where there is none.
    """
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"accept":
            return value.strip().decode("ascii", "replace")
    return ""


def rendered(answer: _Answer) -> bytes:
    """
    An answer as it goes over the wire.
    """
    status, content_type, body = answer
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def _plain(status: HTTPStatus, *lines: str) -> _Answer:
    return status, _TEXT, "".join(f"{line}\n" for line in (status.phrase, *lines)).encode()

"""
An HTTP server on loopback that responds as scripted, correctly or not; it can act as a proxy.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

Answer: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """
    A request that arrived; header names in lower case.
    """

    line: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True, kw_only=True)
class Receiver:
    """
    The server.

    Attributes:
        port: where it listens.
        requests: those that arrived whole.
        connections: how many were made.
        most: how many requests were under way at once.
    """

    answers: list[Answer]
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    most: int = 0
    _under_way: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """
        Respond to the requests of one connection, each with the next response; the last one repeats.
        """
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while not writer.is_closing():
                self.requests.append(await _request(reader))
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                self._under_way += 1
                self.most = max(self.most, self._under_way)
                try:
                    await answer(reader, writer)
                finally:
                    self._under_way -= 1
        writer.transport.abort()
        self._tasks.discard(task)

    async def aclose(self) -> None:
        """
        End all open connections.
        """
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


@asynccontextmanager
async def receiver(*answers: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """
    Start a server with these responses; it returns 200 for everything if there are none.
    """
    found = Receiver(answers=list(answers) or [status(200)])
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0, ssl=tls)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        await found.aclose()


async def _request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    line, *fields = head.rstrip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (item.partition(":") for item in fields)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(line=line, headers=headers, body=body)


def raw(content: bytes, *, then: Answer | None = None) -> Answer:
    """
    Return a response of these bytes, followed by another one.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()
        if then is not None:
            await then(reader, writer)

    return answer


def status(code: int, headers: str = "", *, after_s: float = 0) -> Answer:
    """
    Return a complete response with an empty body.
    """

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(after_s)
        writer.write(f"HTTP/1.1 {code} Words\r\ncontent-length: 0\r\n{headers}\r\n".encode())
        await writer.drain()

    return answer


async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """
    Respond with nothing until the client gives up.
    """
    await reader.read()


async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """
    Close the connection.
    """
    writer.close()


async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """
    Reset the connection (RST).
    """
    peer: socket.socket = writer.get_extra_info("socket")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """
    Send bytes without end.
    """
    while True:
        writer.write(b"x" * 16_384)
        await writer.drain()


def tunnel(port: int) -> Answer:
    """
    Do what a proxy does for CONNECT: pass bytes in both directions.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await asyncio.gather(_pass_on(reader, far_writer), _pass_on(far_reader, writer))
        finally:
            far_writer.transport.abort()

    return answer


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while content := await reader.read(65_536):
        writer.write(content)
        await writer.drain()
    writer.close()

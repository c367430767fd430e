"""
Bounds the connections of a server: how many there are, and how long one may take.

A visitor that sends its request slowly, or reads its answer slowly, holds a connection. So each has a deadline from its
beginning, except for the open streams.
"""

import asyncio
from collections.abc import Callable
from typing import Final

CONNECTIONS: Final = 64
DEADLINE_S: Final = 10.0


class BoundedConnections:
    """
    Makes the protocols of a server's connections; pass it to `loop.create_server`.

    Args:
        server: makes the protocol that answers on one connection.
        is_exempt: whether a connection has no deadline, by its transport.
        deadline_s: how long another one may last.
    """

    def __init__(
        self,
        server: Callable[[], asyncio.Protocol],
        is_exempt: Callable[[asyncio.BaseTransport], bool],
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._server = server
        self._is_exempt = is_exempt
        self._deadline_s = deadline_s
        self._open: set[asyncio.BaseTransport] = set()

    def __call__(self) -> asyncio.Protocol:
        """
        Return the protocol of a new connection.
        """
        return _Connection(self)

    def admit(self, transport: asyncio.BaseTransport) -> asyncio.Protocol | None:
        """
        Count a connection, and return the protocol that answers on it; None if there are too many.
        """
        if len(self._open) >= CONNECTIONS:
            return None
        self._open.add(transport)
        asyncio.get_running_loop().call_later(self._deadline_s, self._end, transport)
        return self._server()

    def forget(self, transport: asyncio.BaseTransport) -> None:
        """
        Stop counting a connection that has ended.
        """
        self._open.discard(transport)

    def _end(self, transport: asyncio.BaseTransport) -> None:
        if transport in self._open and isinstance(transport, asyncio.Transport) and not self._is_exempt(transport):
            transport.abort()


class _Connection(asyncio.Protocol):
    """
    One connection: refused, or passed on to the protocol that answers.
    """

    def __init__(self, bounds: BoundedConnections) -> None:
        self._bounds = bounds
        self._transport: asyncio.BaseTransport | None = None
        self._inner: asyncio.Protocol | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._inner = self._bounds.admit(transport)
        if self._inner is None:
            transport.close()
        else:
            self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._bounds.forget(self._transport)
        if self._inner is not None:
            self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._inner is not None:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._inner is not None else None

    def pause_writing(self) -> None:
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._inner is not None:
            self._inner.resume_writing()

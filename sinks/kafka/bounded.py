"""
Bounds what a broker can send: aiokafka reads a frame of any size into memory, and a size is what the peer says.
"""

import asyncio
from typing import Any, Final

import aiokafka.conn

# The metadata of a topic with thousands of partitions has a few hundred kilobytes.
_FRAME_BYTES: Final = 2_097_152


class _BoundedProtocol(aiokafka.conn.AIOKafkaProtocol):  # type: ignore[misc]
    """
    The protocol of one connection; it ends the connection when too much has arrived that is not a whole frame.
    """

    def __init__(self, closed: "asyncio.Future[Any]", reader: asyncio.StreamReader, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(closed, reader, **settings)
        self._unread = reader

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        Keep the transport.
        """
        super().connection_made(transport)
        self._connection = transport

    def data_received(self, data: bytes) -> None:
        """
        Take bytes from the broker.
        """
        # StreamReader has no public measure of what it holds.
        if len(self._unread._buffer) + len(data) > _FRAME_BYTES:  # type: ignore[attr-defined]  # noqa: SLF001
            self._connection.abort()  # type: ignore[attr-defined]
            return
        super().data_received(data)


def bound_frames() -> None:
    """
    Have every connection of aiokafka bounded. There is no public API.
    """
    aiokafka.conn.AIOKafkaProtocol = _BoundedProtocol

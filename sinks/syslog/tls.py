"""
TLS that does not end cleanly unless the server has read everything; asyncio's own TLS cannot show that.

A server checks the client's certificate when the client has already begun to write. rsyslog refuses a certificate with
an ordinary end of TLS, so messages that were never read would look delivered. But the server's kernel resets the
connection if bytes are unread when the socket is closed, or arrive afterwards (RFC 1122, 4.2.2.13). asyncio hides that
reset behind the end of TLS that it has already seen.
"""

import asyncio
import fcntl
import socket
import ssl
import struct
import termios
from collections.abc import Callable
from typing import Final, TypeVar

_READ_BYTES: Final = 65_536
_POLL_S: Final = 0.005
# include/net/tcp_states.h
_TCP_CLOSE: Final = 7

_Result = TypeVar("_Result")


class TlsConnection:
    """
    The client's side of TLS.

    Args:
        reader: of the TCP connection.
        writer: of the TCP connection.
        context: how the server is verified.
        host: the name that its certificate must have.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext, host: str
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._arrived = ssl.MemoryBIO()
        self._leaving = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._arrived, self._leaving, server_hostname=host)

    async def handshake(self) -> None:
        """
        Agree on keys, and verify the server.

        Raises:
            OSError: the server is not trusted, or refuses.
        """
        await self._complete(self._tls.do_handshake)

    async def write(self, data: bytes) -> None:
        """
        Send data; wait while the kernel has too much unsent data.

        Raises:
            OSError: the connection is broken.
        """
        await self._complete(lambda: self._tls.write(data))

    async def close(self) -> None:
        """
        End TLS, and wait until the server has read everything and has ended TLS too.

        Raises:
            OSError: the connection ended in another way.
        """
        await self._complete(self._tls.unwrap)
        while await self._reader.read(_READ_BYTES):
            pass
        await self._wait_until_acknowledged()

    async def _wait_until_acknowledged(self) -> None:
        """
        Wait until the server's kernel has acknowledged everything; if the server will never read it, the kernel resets
        the connection instead.
        """
        connection: socket.socket = self._writer.get_extra_info("socket")
        while True:
            # The first byte of struct tcp_info is the state (tcp(7)).
            if connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _TCP_CLOSE:
                raise ConnectionResetError("the receiver closed the connection before it had read everything")
            (unacknowledged,) = struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4)))
            if unacknowledged == 0:
                return
            await asyncio.sleep(_POLL_S)

    async def _complete(self, operation: Callable[[], _Result]) -> _Result:
        while True:
            try:
                result = operation()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._feed()
            else:
                await self._flush()
                return result

    async def _flush(self) -> None:
        self._writer.write(self._leaving.read())
        await self._writer.drain()

    async def _feed(self) -> None:
        data = await self._reader.read(_READ_BYTES)
        if data:
            self._arrived.write(data)
        else:
            self._arrived.write_eof()

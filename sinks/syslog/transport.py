"""
Carries messages to a receiver: on a connection with octet counting (RFC 6587, RFC 5425), or on a local socket.

Syslog has no acknowledgement. The nearest to it is the end of a connection: we close our side after the last message,
and the receiver closes its side when it has read all of them. So each batch has a connection of its own. On a local
socket a message counts as delivered when the kernel has queued it for the receiver.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable

from sinks.syslog.config import Address
from sinks.syslog.tls import TlsConnection


async def send_on_connection(to: Address, messages: Iterable[bytes], tls: ssl.SSLContext | None) -> None:
    """
    Send messages; return when the receiver has closed the connection after them.

    Args:
        to: the receiver.
        messages: what to send.
        tls: how the receiver is verified; None without TLS.

    Raises:
        OSError: the receiver cannot be reached, refused the connection, or closed it too early.
    """
    reader, writer = await asyncio.open_connection(to.host, to.port)
    try:
        if tls is not None:
            await _send_with_tls(TlsConnection(reader, writer, tls, to.host), messages)
        else:
            for message in messages:
                writer.write(_counted(message))
                await writer.drain()
            writer.write_eof()
            await _end_of(reader)
    finally:
        writer.transport.abort()


async def send_on_local_socket(path: str, messages: Iterable[bytes]) -> None:
    """
    Send messages, one datagram each; wait while the receiver's queue is full.

    Raises:
        OSError: there is no receiver, or a message is larger than the kernel accepts.
    """
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as local:
        local.setblocking(False)
        local.connect(path)
        for message in messages:
            await loop.sock_sendall(local, message)


async def _send_with_tls(connection: TlsConnection, messages: Iterable[bytes]) -> None:
    await connection.handshake()
    for message in messages:
        await connection.write(_counted(message))
    await connection.close()


def _counted(message: bytes) -> bytes:
    return b"%d %b" % (len(message), message)


async def _end_of(reader: asyncio.StreamReader) -> None:
    """
    Wait until the receiver closes the connection; a syslog receiver never sends anything.

    Raises:
        OSError: it sent something, so it is not a syslog receiver.
    """
    if await reader.read(1):
        raise ConnectionAbortedError("the receiver answers, which no receiver of syslog does")

"""
Bounds what a server can send in answer to one request, whatever it sends: status line, headers, interim answers, body.

aiohttp limits the size of one header, but not the number of interim answers (`100 Continue`), and it parses what has
arrived in one go. Here each request has a budget of bytes and of heads, and arrived bytes are parsed in small pieces.
"""

import asyncio
import ssl
from functools import partial
from typing import Any, Final

from aiohttp import ClientConnectionError, ClientError, TCPConnector
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

# A proxy and a server send a few kilobytes. Interim answers count too.
HEAD_BYTES: Final = 65_536
# 100 Continue, 102 Processing and 103 Early Hints come once or twice before the answer itself.
_HEADS: Final = 10
_PIECE_BYTES: Final = 8192


class OversizedAnswerError(ClientError):
    """
    Raised when a server sends more in answer to one request than a client accepts.

    Args:
        what: the part that is too much, for people.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(what)


class BoundedConnector(TCPConnector):
    """
    Makes connections on which each answer is bounded, also the answer of a proxy to CONNECT.

    Args:
        limit: the most connections.
        tls: how servers are verified; None if no connection uses TLS.
        answer_bytes: the most bytes of a body.
    """

    def __init__(self, *, limit: int, tls: ssl.SSLContext | None, answer_bytes: int) -> None:
        super().__init__(limit=limit, ssl=tls if tls is not None else True)
        self._factory = partial(_handler, asyncio.get_running_loop(), HEAD_BYTES + answer_bytes)

    async def connect(self, *request: Any, **settings: Any) -> Connection:  # noqa: ANN401 (passed on as they are)
        """
        Return a connection to a server.

        Raises:
            ClientError: there is none. For a moment uvloop refuses a new socket that has the number of one that aiohttp
                has closed after a failed handshake; that is a RuntimeError, and trying again helps.
        """
        try:
            return await super().connect(*request, **settings)
        except RuntimeError as error:
            raise ClientConnectionError(str(error)) from error


class _BoundedHandler(ResponseHandler):
    """
    The protocol of one connection, which may serve several requests.

    Args:
        loop: the event loop.
        budget_bytes: the most bytes that may arrive for one request, framing included.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, budget_bytes: int) -> None:
        super().__init__(loop)
        self._budget_bytes = self._left_bytes = budget_bytes
        self._left_heads = _HEADS

    def set_response_params(self, **settings: Any) -> None:  # noqa: ANN401 (passed on as they are)
        """
        Begin a request: aiohttp calls this before it sends one.
        """
        self._left_bytes, self._left_heads = self._budget_bytes, _HEADS
        super().set_response_params(**settings)

    def feed_data(self, data: Any, size: int = 0) -> None:  # noqa: ANN401 (a head and its body, as aiohttp parsed them)
        """
        Take the head of an answer, interim or final.
        """
        self._left_heads -= 1
        if self._left_heads >= 0:
            super().feed_data(data, size)

    def data_received(self, data: bytes) -> None:
        """
        Take bytes from the server, and end the connection as soon as they are too many.
        """
        for start in range(0, max(len(data), 1), _PIECE_BYTES):
            piece = data[start : start + _PIECE_BYTES]
            self._left_bytes -= len(piece)
            if self._left_bytes < 0:
                self._refuse(OversizedAnswerError("the answer is too long"))
                return
            super().data_received(piece)
            if self._left_heads < 0:
                self._refuse(OversizedAnswerError("too many interim answers"))
                return
            if not self.is_connected():
                return

    def _refuse(self, error: OversizedAnswerError) -> None:
        payload, transport = self._payload, self.transport
        if self.exception() is None:
            self.set_exception(error)
        if payload is not None and payload.exception() is None:
            payload.set_exception(error)
        if transport is not None:
            transport.abort()


def _handler(loop: asyncio.AbstractEventLoop, budget_bytes: int) -> ResponseHandler:
    return _BoundedHandler(loop, budget_bytes=budget_bytes)

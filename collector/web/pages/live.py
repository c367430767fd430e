"""
Notifies open pages that something has changed, by server-sent events (HTML standard, section 9.2).

One look at the store per second serves all streams. A stream carries no data, only the number of the newest event: the
page then loads itself again.
"""

import asyncio
import contextlib
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web

_STREAMS: Final = 32
_LOOK_S: Final = 1.0
_KEEP_ALIVE_S: Final = 15.0
_WRITE_S: Final = 5.0


class Live:
    """
    The open streams.

    Args:
        look: returns what a change shows in: the newest event, and whether the agent runs. It may block.
    """

    def __init__(self, look: Callable[[], str]) -> None:
        self._look = look
        self._state = ""
        self._changed = asyncio.Condition()
        self._streams: set[asyncio.BaseTransport | None] = set()

    def is_stream(self, transport: asyncio.BaseTransport) -> bool:
        """
        Return whether a connection is an open stream.
        """
        return transport in self._streams

    async def run(self) -> None:
        """
        Look for changes until cancelled; only while a page is open.
        """
        while True:
            await asyncio.sleep(_LOOK_S)
            if self._streams:
                await self._look_once()

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """
        Answer with a stream, until the page is closed.
        """
        if len(self._streams) >= _STREAMS:
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, text="503 too many open pages\n")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        transport = request.transport
        self._streams.add(transport)
        try:
            await self._look_once()
            await response.prepare(request)
            await self._send(response)
        except (OSError, TimeoutError):
            pass  # the page was closed, or does not read
        finally:
            self._streams.discard(transport)
        return response

    async def _look_once(self) -> None:
        state = await asyncio.to_thread(self._look)
        async with self._changed:
            if state != self._state:
                self._state = state
                self._changed.notify_all()

    async def _send(self, response: web.StreamResponse) -> None:
        state = self._state
        await _write(response, b"retry: 5000\n\n")
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_KEEP_ALIVE_S), self._changed:
                    await self._changed.wait_for(lambda: self._state != state)  # noqa: B023 (read at once)
            is_change, state = self._state != state, self._state
            await _write(response, b"event: changed\ndata: \n\n" if is_change else b": nothing new\n\n")


async def _write(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(_WRITE_S):
        await response.write(data)

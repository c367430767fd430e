"""
The hub's `/v1/stream`: the agents' stream of events (`collector/web/api/feed.py`) of all hosts, over the hub's server.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from http import HTTPStatus
from typing import Final

import orjson
from aiohttp import web

from collector.store import PastEvents, StoreError
from collector.web.api.events import stream_query_of
from collector.web.api.feed import Feed
from collector.web.api.parameters import ParameterError
from collector.web.api.store_reader import StoreReader

_STREAMS: Final = 512
_WRITE_S: Final = 10.0


class FleetStream:
    """
    The open streams.

    Args:
        past: opens the store for one reading.
    """

    def __init__(self, past: Callable[[], AbstractContextManager[PastEvents]]) -> None:
        self._store = StoreReader(past)
        self._feed = Feed(self._store)
        self._open = 0

    def wake(self) -> None:
        """
        Send new events: some were stored.
        """
        self._feed.wake()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """
        Answer with a stream until the client is gone, or takes nothing for a while.
        """
        try:
            after_seq, types = stream_query_of(request.query, request.headers.get("Last-Event-ID"))
        except ParameterError as error:
            return _error(HTTPStatus.BAD_REQUEST, error)
        if self._open >= _STREAMS:
            return _error(HTTPStatus.SERVICE_UNAVAILABLE, "too many streams")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        self._open += 1
        try:
            async for message in self._feed.messages(after_seq, lambda event: types is None or event.type in types):
                async with asyncio.timeout(_WRITE_S):
                    if not response.prepared:
                        await response.prepare(request)
                    await response.write(message)
        except StoreError as error:
            if not response.prepared:
                return _error(HTTPStatus.SERVICE_UNAVAILABLE, error)
        except (OSError, TimeoutError):
            pass  # the client is gone, or does not read
        finally:
            self._open -= 1
        return response

    def close(self) -> None:
        """
        Stop the threads that read the store.
        """
        self._store.close()


def _error(status: HTTPStatus, why: object) -> web.Response:
    return web.Response(body=orjson.dumps({"error": str(why)}), status=status, content_type="application/json")

"""
A stand-in for the bulk API: keeps documents by their ids, and refuses what a test says.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from tests.shared.web import serving

# From an action and its document to the status and error of its item; None accepts.
Refusal = Callable[[Mapping[str, Any], Mapping[str, Any]], Mapping[str, Any] | None]


@dataclass(slots=True, kw_only=True)
class Engine:
    """
    The engine.

    Attributes:
        port: where it listens.
        indices: the documents of each index by their ids, in order of arrival.
        requests: the headers of each request, and the number of its events.
        largest: the most bytes of a request, as a proxy in front of an engine would have it.
        refusal: decides about each event.
    """

    port: int = 0
    indices: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[tuple[Mapping[str, str], int]] = field(default_factory=list)
    largest: int = 100_000_000
    refusal: Refusal = lambda _action, _document: None

    async def take(self, request: web.Request) -> web.Response:
        """
        Answer a bulk request.
        """
        body = await request.read()
        if len(body) > self.largest:
            return web.Response(status=413)
        lines = [orjson.loads(line) for line in body.splitlines()]
        pairs = list(zip(lines[::2], lines[1::2], strict=True))
        self.requests.append((dict(request.headers), len(pairs)))
        items = [{"create": self._create(action["create"], document)} for action, document in pairs]
        return web.json_response({"items": items})

    def _create(self, action: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
        refused = self.refusal(action, document)
        if refused is not None:
            return refused
        index = self.indices.setdefault(action["_index"], {})
        if action["_id"] in index:
            return {"status": 409, "error": {"type": "version_conflict_engine_exception", "reason": "exists"}}
        index[action["_id"]] = document
        return {"status": 201}


@asynccontextmanager
async def engine() -> AsyncIterator[Engine]:
    """
    Run an engine for the duration of the context.
    """
    found = Engine()
    async with serving({"/_bulk": found.take, "/below/_bulk": found.take}) as found.port:
        yield found

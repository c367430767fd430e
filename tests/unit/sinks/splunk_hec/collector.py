"""
A stand-in for Splunk's HTTP Event Collector with indexer acknowledgement, by the API that Splunk publishes.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.shared.web import serving

TOKEN = "a-token-of-a-test"  # noqa: S105 (of the tests)


@dataclass(slots=True, kw_only=True)
class Collector:
    """
    The collector.

    Attributes:
        port: where it listens.
        requests: the ids of the events of each request that was accepted.
        channels: of the requests.
        indexed: the ids of the events that are acknowledged.
        lost: the numbers of the requests that are received and never indexed.
        polls: how often a request must be asked about before it is indexed.
        invalid: decides which event is refused.
        acknowledges: whether the token has indexer acknowledgement.
        down: the status of every answer, if it is down.
    """

    port: int = 0
    requests: list[list[str]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    channels: set[str] = field(default_factory=set)
    indexed: list[str] = field(default_factory=list)
    lost: set[int] = field(default_factory=set)
    polls: int = 0
    invalid: Callable[[str], bool] = lambda _id: False
    acknowledges: bool = True
    down: int | None = None
    _asked: dict[int, int] = field(default_factory=dict)

    async def take(self, request: web.Request) -> web.Response:
        """
        Answer a request with events.
        """
        if (refusal := self._refusal(request)) is not None:
            return refusal
        envelopes = _documents((await request.read()).decode())
        ids = [envelope["event"]["event"]["id"] for envelope in envelopes]
        for number, event_id in enumerate(ids):
            if self.invalid(event_id):
                content = {"text": "Invalid data format", "code": 6, "invalid-event-number": number}
                return web.json_response(content, status=400)
        self.channels.add(request.headers["X-Splunk-Request-Channel"])
        self.events += envelopes
        self.requests.append(ids)
        content = {"text": "Success", "code": 0}
        return web.json_response(content | ({"ackId": len(self.requests) - 1} if self.acknowledges else {}))

    async def ask(self, request: web.Request) -> web.Response:
        """
        Answer the question which requests are indexed; an answer of true is given once.
        """
        if (refusal := self._refusal(request)) is not None:
            return refusal
        assert request.query["channel"] in self.channels
        answers = {}
        for ack_id in (await request.json())["acks"]:
            self._asked[ack_id] = self._asked.get(ack_id, 0) + 1
            answers[str(ack_id)] = done = self._asked[ack_id] > self.polls and ack_id not in self.lost
            if done:
                self.indexed += self.requests[ack_id]
                self.lost.add(ack_id)
        return web.json_response({"acks": answers})

    def _refusal(self, request: web.Request) -> web.Response | None:
        if self.down is not None:
            return web.json_response({"text": "Server is busy", "code": 9}, status=self.down)
        if request.headers.get("Authorization") != f"Splunk {TOKEN}":
            return web.json_response({"text": "Invalid token", "code": 4}, status=403)
        return None


@asynccontextmanager
async def collector(port: int = 0) -> AsyncIterator[Collector]:
    """
    Run a collector for the duration of the context.
    """
    found = Collector()
    routes = {"/services/collector/event": found.take, "/services/collector/ack": found.ask}
    async with serving(routes, port) as found.port:
        yield found


def _documents(text: str) -> list[dict[str, Any]]:
    """
    Return the JSON objects of a body, which follow each other without a separator.
    """
    decoder, found, start = json.JSONDecoder(), [], 0
    while start < len(text):
        value, start = decoder.raw_decode(text, start)
        found.append(value)
    return found

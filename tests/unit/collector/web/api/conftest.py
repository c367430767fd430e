"""
An API over a real store and a real intake, which no source feeds.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from collector.analyzer import Analyzer
from collector.metrics import Metrics
from collector.pipeline.committer import Committer
from collector.pipeline.intake import Intake
from collector.publish.agent import AgentEvents
from collector.runtime.access import socket_guard
from collector.runtime.http_server import HttpServer
from collector.store import Store, StoredEvent
from collector.web.api.agent import RunningAgent
from collector.web.api.endpoints import Api, openapi
from tests.unit.collector.correlate.scene import THIS_HOST, A, ns

KILL, DEATH, AGENT = "exit137.oom_kill", "exit137.container_death", "exit137.agent"


def event(number: int, type_: str = KILL, *, container: str | None = A, at_s: float = 1, **data: Any) -> StoredEvent:  # noqa: ANN401
    """
    Return an event that is stored as the agent stores it.
    """
    owner = {"container": {"id": container, "name": "web"}} if container is not None else {}
    content = {"message": f"event {number}", **owner, **data}
    time = {"time": "2026-09-21T14:13:21Z", "type": type_, "id": f"id-{number}"}
    return StoredEvent(
        id=f"id-{number}",
        type=type_,
        subject="s",
        key="k",
        time_ns=ns(at_s),
        container_id=container,
        body=orjson.dumps({**time, "data": content}),
        sinks=(),
    )


def check_described(path: str, status: int, answer: object) -> None:
    """
    Check that the OpenAPI document describes an answer: its status, and all of its fields.
    """
    document = orjson.loads(openapi())
    methods = document["paths"].get(re.sub("^/v1/events/[^/]+$", "/v1/events/{id}", path))
    if methods is None:
        assert status == 404
        methods = document["paths"]["/v1/why"]  # how every error is described
    schema = methods["get"]["responses"][str(status)]["content"]["application/json"]["schema"]
    for described in document["components"]["schemas"].values():
        described["additionalProperties"] = False
    Draft202012Validator({**schema, "components": document["components"]}).validate(answer)


class Asking:
    """
    A client of the API, and the agent behind it.
    """

    def __init__(self, store: Store, path: Path) -> None:
        self.store = store
        self.down: list[tuple[str, str]] = []
        self.analyzer = Analyzer(THIS_HOST)
        committer = Committer(
            store, [], agent_events=AgentEvents(host=THIS_HOST), metrics=Metrics(), on_stored=lambda: None
        )
        self.requested = asyncio.Event()
        self.intake = Intake(
            self.analyzer,
            committer,
            metrics=Metrics(),
            request_watermarks=self.requested.set,
            wall_ns=lambda: ns(10),
        )
        agent = RunningAgent(
            self.intake.questions,
            self.analyzer,
            down=lambda: self.down,
            docker_url=lambda: "unix:///nowhere",
            now_ns=lambda: ns(10),
        )
        self.api = Api(agent, path)

    async def get(self, path: str, last_event_id: str | None = None, **parameters: str) -> tuple[int, Any]:
        """
        Return the status and the JSON of an answer.
        """
        status, _, body = await self.api.answer(path, parameters, last_event_id)
        answer = orjson.loads(body)
        check_described(path, status.value, answer)
        return status.value, answer

    async def stored(self, *events: StoredEvent) -> None:
        """
        Store events, and wake the streams.
        """
        await self.store.commit(events, {})
        self.api.wake()

    async def messages(
        self, count: int, last_event_id: str | None = None, parameters: Mapping[str, str] | None = None
    ) -> list[bytes]:
        """
        Return the first messages of a stream.
        """
        _, _, body = await self.api.answer("/v1/stream", parameters or {}, last_event_id)
        found = []
        async with asyncio.timeout(30):
            async for message in body:
                if message.startswith(b"id:"):
                    found.append(message)
                if len(found) == count:
                    break
        return found


class _Health:
    """
    An agent that works.
    """

    async def refresh_metrics(self) -> None:
        pass

    def readiness(self) -> tuple[bool, Sequence[str]]:
        return True, ()


@asynccontextmanager
async def asking_at(socket: Path) -> AsyncIterator[Asking]:
    """
    An API that answers at a socket, with an empty store beside it.
    """
    path = socket.with_suffix(".db")
    store = await Store.open(path, max_bytes=2**30)
    found = Asking(store, path)
    server = HttpServer(f"unix:{socket}", Metrics(), _Health(), api=found.api, guard=socket_guard)
    await server.start()
    try:
        yield found
    finally:
        await server.aclose()
        found.api.close()
        await store.aclose()


@pytest.fixture
async def asking(tmp_path: Path) -> AsyncIterator[Asking]:
    """
    A client of the API of an agent with an empty store.
    """
    store = await Store.open(tmp_path / "s.db")
    found = Asking(store, tmp_path / "s.db")
    yield found
    found.api.close()
    await store.aclose()

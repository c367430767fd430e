"""
Answers the requests to /v1 with JSON, from the store and the running agent. Nothing here changes anything.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from http import HTTPStatus
from importlib import resources
from pathlib import Path
from typing import Any, Final

import orjson

from collector.correlate.standing import Question
from collector.sources.base import SourceError
from collector.store import History, StoreError
from collector.web.api import limit
from collector.web.api.agent import RunningAgent
from collector.web.api.containers import as_json
from collector.web.api.events import events_query_of, stream_query_of
from collector.web.api.feed import Feed
from collector.web.api.parameters import ParameterError, Parameters
from collector.web.api.store_reader import StoreReader
from collector.web.api.why import Subject, answer

_JSON: Final = "application/json"
_STREAM: Final = "text/event-stream"
_EVENTS: Final = "/v1/events/"
_WAIT_S: Final = 2.0
_SUBJECTS: Final = ("container", "pid", "exec")

Response = tuple[HTTPStatus, str, bytes | AsyncIterator[bytes]]


class Api:
    """
    Answers the requests to /v1.

    Args:
        agent: the running agent.
        store_path: its store.
    """

    def __init__(self, agent: RunningAgent, store_path: Path) -> None:
        self._agent = agent
        self._store = StoreReader(lambda: History(store_path))
        self._feed = Feed(self._store)
        self._pages: Mapping[str, Callable[[Mapping[str, str]], Awaitable[Response]]] = {
            "/v1/why": self._why,
            "/v1/events": self._events,
            "/v1/containers": self._containers,
            "/v1/limit": self._limit,
            "/v1/openapi.json": self._openapi,
        }

    def wake(self) -> None:
        """
        Send new events to the streams.
        """
        self._feed.wake()

    async def answer(self, path: str, parameters: Mapping[str, str], last_event_id: str | None) -> Response:
        """
        Answer a request.

        Args:
            path: of the request, beginning with /v1.
            parameters: of its query.
            last_event_id: where a stream continues.
        """
        try:
            if path in self._pages:
                return await self._pages[path](parameters)
            if path == "/v1/stream":
                return self._stream(parameters, last_event_id)
            if path.startswith(_EVENTS):
                return await self._event(path.removeprefix(_EVENTS), parameters)
        except ParameterError as error:
            return _error(HTTPStatus.BAD_REQUEST, str(error))
        except (StoreError, SourceError) as error:
            return _error(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        return _error(HTTPStatus.NOT_FOUND, "no such path; /v1/openapi.json lists them")

    def close(self) -> None:
        """
        Stop the threads that read the store.
        """
        self._store.close()

    async def _why(self, given: Mapping[str, str]) -> Response:
        asked = Parameters(given, (*_SUBJECTS, "since", "wait"))
        if sum(name in given for name in _SUBJECTS) != 1:
            raise ParameterError("give one of container, pid and exec")
        wait_s = asked.wait_s("wait", _WAIT_S)
        container, pid, is_exec = asked.text("container"), asked.number("pid", None), asked.text("exec")
        if is_exec is not None:
            process = await self._agent.exec_process(is_exec)
            if process is None:
                return _error(HTTPStatus.NOT_FOUND, "Docker does not know this exec; ask for its container")
            container, pid = process
        since_ns = asked.time_ns("since", self._agent.now_ns())
        settled = await self._agent.settle(Question(container=container, pid=None if container else pid), wait_s)
        standing, asked_ns = settled.standing, settled.asked_ns
        subject = Subject(container=standing.container_id or container, pid=pid, since_ns=since_ns)
        down = self._agent.down()
        found = await self._store.read(
            lambda past: answer(past, subject, standing=standing, asked_ns=asked_ns, down=down)
        )
        if found is None:
            known = {"settled": not standing.awaited, "awaited": list(standing.awaited)}
            known |= {"blind": [{"source": one.source, "now": True, "text": one.why} for one in down]}
            return _error(HTTPStatus.NOT_FOUND, "nothing is known of this container or process", known)
        return _json(found)

    async def _events(self, given: Mapping[str, str]) -> Response:
        query = events_query_of(given, self._agent.now_ns())
        return HTTPStatus.OK, _JSON, await self._store.read(query.answer)

    async def _event(self, id_: str, given: Mapping[str, str]) -> Response:
        Parameters(given, ())
        event = await self._store.read(lambda past: past.event(id_))
        if event is None:
            return _error(HTTPStatus.NOT_FOUND, "no event with this id is stored")
        return HTTPStatus.OK, _JSON, event.body

    async def _containers(self, given: Mapping[str, str]) -> Response:
        Parameters(given, ())
        now_ns = self._agent.now_ns()
        running = self._agent.containers()
        return _json(await self._store.read(lambda past: as_json(running, past, now_ns)))

    async def _limit(self, given: Mapping[str, str]) -> Response:
        asked = Parameters(given, ("container",))
        wanted = asked.text("container")
        if wanted is None:
            raise ParameterError("give the container")
        container = limit.find(self._agent.containers(), wanted)
        if container is None:
            return _error(
                HTTPStatus.NOT_FOUND, "no running container alone has this name or id, or its memory is not read"
            )
        container_id = container.use.sample.container_id
        history = await self._store.read(lambda past: limit.memory_history(past, container_id))
        return _json(limit.as_json(container, self._agent.sizing(container.use, history)))

    def _stream(self, given: Mapping[str, str], last_event_id: str | None) -> Response:
        after_seq, types = stream_query_of(given, last_event_id)
        messages = self._feed.messages(after_seq, lambda event: types is None or event.type in types)
        return HTTPStatus.OK, _STREAM, messages

    async def _openapi(self, given: Mapping[str, str]) -> Response:
        Parameters(given, ())
        return HTTPStatus.OK, _JSON, openapi()


def openapi() -> bytes:
    """
    Return the description of the API, an OpenAPI document.
    """
    return resources.files(__package__).joinpath("openapi.json").read_bytes()


def _json(value: Mapping[str, Any]) -> Response:
    return HTTPStatus.OK, _JSON, orjson.dumps(value)


def _error(status: HTTPStatus, why: str, known: Mapping[str, Any] | None = None) -> Response:
    return status, _JSON, orjson.dumps({"error": why, **(known or {})})

"""
The hub's `/v1`: hosts, incidents and events as JSON, from the store and from what the hub knows of the present.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from importlib import resources
from typing import Any, Final

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from collector.store import PastEvent, PastEvents, StoreError
from collector.web.api.events import events_query_of
from collector.web.api.parameters import ParameterError, Parameters
from fleet.books import HostBook, IncidentBook
from fleet.pages.content import hosts_json

_JSON: Final = "application/json"
_EVENT: Final = "application/cloudevents+json"
_MOST_INCIDENTS: Final = 5000


class FleetApi:
    """
    Answers the requests to /v1.

    Args:
        read: returns what a function reads from the store, or the error that says why it cannot be read; it blocks.
        hosts: the hosts of the fleet.
        incidents: the incidents of the fleet.
        wall_ns: the wall clock.
    """

    def __init__(
        self,
        read: Callable[[Callable[[PastEvents], Any]], Any],
        hosts: HostBook,
        incidents: IncidentBook,
        wall_ns: Callable[[], int],
    ) -> None:
        self._read = read
        self._hosts, self._incidents = hosts, incidents
        self._wall_ns = wall_ns

    def routes(self, id_pattern: str) -> Mapping[str, Handler]:
        """
        Return what answers each path.

        Args:
            id_pattern: the part of a path that is the id of an event.
        """
        return {
            "/v1/hosts": _checked(self._hosts_page),
            "/v1/incidents": _checked(self._incidents_page),
            "/v1/events": _checked(self._events_page),
            f"/v1/events/{id_pattern}": _checked(self._event),
            "/v1/openapi.json": _checked(self._openapi),
        }

    async def _hosts_page(self, request: web.Request) -> web.Response:
        Parameters(request.query, ())
        return _json({"hosts": hosts_json(self._hosts, self._wall_ns())})

    async def _incidents_page(self, request: web.Request) -> web.Response:
        asked = Parameters(request.query, ("state", "host"))
        is_all, host = asked.text("state") == "all", asked.text("host")
        events = [*self._incidents.open(), *(self._incidents.over(_MOST_INCIDENTS) if is_all else ())]
        if host:
            host_id = self._hosts.id_of(host)
            events = [event for event in events if event.exit137.fleet and host_id in event.exit137.fleet.hosts]
        found = await asyncio.to_thread(self._read, lambda past: [past.event(event.id) for event in events])
        if isinstance(found, StoreError):
            return _error(HTTPStatus.SERVICE_UNAVAILABLE, found)
        return _json({"events": [orjson.Fragment(event.body) for event in found if event is not None]})

    async def _events_page(self, request: web.Request) -> web.Response:
        query = events_query_of(request.query, self._wall_ns(), self._hosts.id_of)
        found: bytes | StoreError = await asyncio.to_thread(self._read, query.answer)
        if isinstance(found, StoreError):
            return _error(HTTPStatus.SERVICE_UNAVAILABLE, found)
        return web.Response(body=found, content_type=_JSON)

    async def _event(self, request: web.Request) -> web.Response:
        Parameters(request.query, ())
        id_ = request.match_info["id"]
        found: PastEvent | StoreError | None = await asyncio.to_thread(self._read, lambda past: past.event(id_))
        if isinstance(found, StoreError):
            return _error(HTTPStatus.SERVICE_UNAVAILABLE, found)
        if found is None:
            return _error(HTTPStatus.NOT_FOUND, "there is no event with this id")
        return web.Response(body=found.body, content_type=_EVENT)

    async def _openapi(self, request: web.Request) -> web.Response:
        Parameters(request.query, ())
        return web.Response(body=openapi(), content_type=_JSON)


def openapi() -> bytes:
    """
    Return the description of the API, an OpenAPI document.
    """
    return resources.files(__package__).joinpath("openapi.json").read_bytes()


def _checked(handler: Callable[[web.Request], Awaitable[web.Response]]) -> Handler:
    async def checked(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except ParameterError as error:
            return _error(HTTPStatus.BAD_REQUEST, error)

    return checked


def _error(status: HTTPStatus, why: object) -> web.Response:
    return _json({"error": str(why)}, status)


def _json(content: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.Response(body=orjson.dumps(content), status=status, content_type=_JSON)

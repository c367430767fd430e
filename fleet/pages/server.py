"""
The hub's pages over HTTP, from its store and from what it knows of the present; `/v1` beside them.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from jinja2 import ChoiceLoader, FileSystemLoader

from collector.config.sections import Config, parse_address
from collector.store import PastEvent, PastEvents, StoredEvent
from collector.web.pages.incident_page import incident_page_of
from collector.web.pages.live import Live
from collector.web.pages.rendering import Renderer
from collector.web.pages.security import add_headers, guard, hosts_of
from collector.web.pages.templating import FOLDER, environment
from fleet.arrival import HOST_SOURCE
from fleet.books import HostBook, IncidentBook
from fleet.pages.access import Readers, reader_guard
from fleet.pages.api import FleetApi
from fleet.pages.content import overview_of
from fleet.pages.drawn_comparison import drawn_comparisons_of
from fleet.pages.incident import FleetIncidentPage, fleet_incident_of
from fleet.pages.stream import FleetStream
from fleet.stores import HubStore
from sinks.event import EventType
from sinks.event.reader import UnreadableEventError, read_event
from sinks.secret import read_secret

_TEMPLATES: Final = Path(__file__).parent / "templates"
_STATIC: Final = FOLDER.parent / "static"
_FILES: Final = {
    "style.css": (FOLDER / "style.css", "text/css"),
    "pages.css": (_STATIC / "pages.css", "text/css"),
    "fleet.css": (_TEMPLATES / "fleet.css", "text/css"),
    "page.js": (_STATIC / "page.js", "text/javascript"),
    "icon.svg": (_STATIC / "icon.svg", "image/svg+xml"),
}
_HEAD_BYTES: Final = 8190
_SHUTDOWN_S: Final = 1.0
_READ_AT_START: Final = 5000
_COMPARISONS: Final = 5
# More names than a browser's list can show help nobody; any other can be typed.
_CHOICES: Final = 500
_ID: Final = "{id:[0-9A-Za-z-]{1,64}}"


class FleetPages:
    """
    Serves the pages.

    Args:
        config: where to listen.
        past: opens the store for one reading.
        wall_ns: the wall clock.
    """

    def __init__(
        self,
        config: Config,
        past: Callable[[], AbstractContextManager[PastEvents]],
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._config = config.hub
        self._wall_ns = wall_ns
        self._hosts, self._incidents = HostBook(), IncidentBook()
        self._readers = Readers()
        self._names: frozenset[str] = frozenset()
        self._changes = 0
        self._live = Live(lambda: str(self._changes))
        self._stream = FleetStream(past)
        templates = environment()
        templates.globals["shows_hosts"] = True
        templates.loader = ChoiceLoader([FileSystemLoader(_TEMPLATES), FileSystemLoader(FOLDER)])
        self._renderer = Renderer(past, templates, _FILES)
        app = web.Application(middlewares=[guard(lambda: self._names), reader_guard(lambda: self._readers)])
        app.on_response_prepare.append(add_headers)
        for path, handler in {
            "/": self._overview,
            "/host": self._host,
            "/incidents": self._listing,
            f"/incident/{_ID}": self._incident,
            "/service": self._service,
            "/live": self._live.stream,
            "/v1/stream": self._stream.answer,
            "/static/{name}": self._renderer.static,
            **FleetApi(self._renderer.read, self._hosts, self._incidents, wall_ns).routes(_ID),
        }.items():
            app.router.add_get(path, handler, allow_head=False)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=_SHUTDOWN_S, max_line_size=_HEAD_BYTES, max_field_size=_HEAD_BYTES
        )

    async def load(self, store: HubStore) -> Sequence[int]:
        """
        Read the present from the store, as a start needs it. Return the numbers of the events that were read.

        Raises:
            StoreError: the store cannot be read.
        """
        numbers: list[int] = []
        for types in ([kind.value for kind in EventType if kind is not EventType.HOST_STATUS], [EventType.HOST_STATUS]):
            events = await store.events(types=types, limit=_READ_AT_START)
            self._observe(event.body for event in events)
            numbers += [event.seq for event in events]
        return numbers

    async def start(self) -> str:
        """
        Listen. Return the address of the first page.

        Raises:
            OSError: the address is not available.
            DisabledError: the token cannot be read.
        """
        token_file = self._config.read_token_file
        self._readers = Readers(
            token=read_secret("hub.read_token_file", token_file) if token_file is not None else None,
            proxy_header=self._config.proxy_header,
            trusted_proxies=frozenset(self._config.trusted_proxies),
        )
        host, port = parse_address(self._config.listen)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        port = self._runner.addresses[0][1]
        self._names = hosts_of(port, self._config.hosts)
        return f"http://{self._config.listen.rpartition(':')[0]}:{port}/"

    async def run(self) -> None:
        """
        Announce changes to open pages until cancelled.
        """
        await self._live.run()

    async def aclose(self) -> None:
        """
        Stop listening.
        """
        await self._runner.cleanup()
        self._stream.close()

    def take(self, events: Sequence[StoredEvent | PastEvent]) -> None:
        """
        Show events that were stored now.
        """
        self._observe(event.body for event in events)
        self._stream.wake()

    def _observe(self, bodies: Any) -> None:  # noqa: ANN401 (any iterable of bytes)
        now_ns = self._wall_ns()
        for body in bodies:
            self._changes += 1
            try:
                event = read_event(body)
            except UnreadableEventError:
                continue
            if event.type == EventType.FLEET_INCIDENT:
                self._incidents.observe(event)
            elif event.source.startswith(HOST_SOURCE):
                self._hosts.observe(event.source.removeprefix(HOST_SOURCE), event, now_ns)

    async def _overview(self, request: web.Request) -> web.Response:
        del request
        now_ns = self._wall_ns()
        return await self._renderer.page(
            "fleet.html", lambda past: {"fleet": overview_of(past, self._hosts, self._incidents, now_ns)}
        )

    async def _host(self, request: web.Request) -> web.Response:
        host, now_ns = self._hosts.get(request.query.get("id", "")), self._wall_ns()
        health = host.health(now_ns) if host is not None else ""
        return await self._renderer.page("host.html", lambda _past: {"host": host, "health": health})

    async def _listing(self, request: web.Request) -> web.Response:
        names = [host.name for host in self._hosts][:_CHOICES]
        return await self._renderer.listing(request.query, self._wall_ns(), self._hosts.id_of, names)

    async def _service(self, request: web.Request) -> web.Response:
        name = request.query.get("name", "")
        comparisons = drawn_comparisons_of([*self._incidents.open(), *self._incidents.over(_READ_AT_START)], name)
        return await self._renderer.service(
            request.query, self._wall_ns(), template="fleet_service.html", comparisons=comparisons[:_COMPARISONS]
        )

    async def _incident(self, request: web.Request) -> web.Response:
        id_ = request.match_info["id"]
        page = await asyncio.to_thread(
            self._renderer.read, lambda past: fleet_incident_of(past, id_, self._hosts.name_of)
        )
        if isinstance(page, FleetIncidentPage):
            return await self._renderer.page("fleet_incident.html", lambda _past: {"page": page})
        return await self._renderer.page("page.html", lambda past: {"page": incident_page_of(past, id_)})

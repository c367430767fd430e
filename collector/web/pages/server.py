"""
The pages over HTTP: routes, and the server's life. Every answer is made from the store when it is asked for.
"""

import asyncio
import errno
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from aiohttp import web

from collector.config.sections import Config, parse_address
from collector.store import History, StoreError
from collector.web.pages.connections import DEADLINE_S, BoundedConnections
from collector.web.pages.incident_file import html_file, policy
from collector.web.pages.incident_page import IncidentPage, incident_page_of
from collector.web.pages.live import Live
from collector.web.pages.now import SPARK, HostNow, silent_s
from collector.web.pages.rendering import Renderer
from collector.web.pages.security import add_headers, guard, hosts_of
from collector.web.pages.templating import FOLDER, environment

_STATIC: Final = FOLDER.parent / "static"
_FILES: Final = {
    "style.css": (FOLDER / "style.css", "text/css"),
    "pages.css": (_STATIC / "pages.css", "text/css"),
    "page.js": (_STATIC / "page.js", "text/javascript"),
    "icon.svg": (_STATIC / "icon.svg", "image/svg+xml"),
}
_SAMPLE_S: Final = 1.0
_HEAD_BYTES: Final = 8190
# Open streams end with the server.
_SHUTDOWN_S: Final = 1.0


class Pages:
    """
    Serves the pages.

    Args:
        config: the configuration: where the store is, and where to listen.
        deadline_s: how long a connection may last that is no stream.
    """

    def __init__(self, config: Config, deadline_s: float = DEADLINE_S) -> None:
        self._deadline_s = deadline_s
        self._config = config
        self._store_path = config.store_path
        self._templates = environment()
        self._now = HostNow(config.store_path, config.sources.memory.cgroups)
        self._live = Live(self._state)
        self._hosts: frozenset[str] = frozenset()
        self._renderer = Renderer(
            lambda: History(config.store_path), self._templates, _FILES, lambda: silent_s(config.store_path)
        )
        app = web.Application(middlewares=[guard(lambda: self._hosts)])
        app.on_response_prepare.append(add_headers)
        app.router.add_get("/", self._now_page, allow_head=False)
        app.router.add_get("/incidents", self._incidents, allow_head=False)
        app.router.add_get("/incident/{id:[0-9A-Za-z-]{1,64}}", self._incident, allow_head=False)
        app.router.add_get("/incident/{id:[0-9A-Za-z-]{1,64}}/file", self._incident_file, allow_head=False)
        app.router.add_get("/service", self._service, allow_head=False)
        app.router.add_get("/live", self._live.stream, allow_head=False)
        app.router.add_get("/static/{name}", self._renderer.static, allow_head=False)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=_SHUTDOWN_S, max_line_size=_HEAD_BYTES, max_field_size=_HEAD_BYTES
        )

    async def run(self, stop: asyncio.Event, ready: Callable[[str], None]) -> None:
        """
        Serve until asked to stop.

        Args:
            stop: ends the server.
            ready: called with the address of the first page as soon as it is served.

        Raises:
            OSError: the address is not available.
        """
        host, port = parse_address(self._config.web.listen)
        # Each further thread would keep memory of its own, and Python runs one at a time.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max_workers=1))
        await self._runner.setup()
        try:
            connections = BoundedConnections(self._protocol, self._live.is_stream, self._deadline_s)
            server = await asyncio.get_running_loop().create_server(connections, host, port)
            port = server.sockets[0].getsockname()[1]
            self._hosts = hosts_of(port, self._config.web.hosts)
            ready(f"http://{self._config.web.listen.rpartition(':')[0]}:{port}/")
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._live.run(), name="live"),
                    group.create_task(self._sample(), name="sample"),
                ]
                await stop.wait()
                server.close()
                for task in tasks:
                    task.cancel()
        finally:
            await self._runner.cleanup()

    def _protocol(self) -> asyncio.Protocol:
        server = self._runner.server
        if server is None:
            raise OSError(errno.ESHUTDOWN, os.strerror(errno.ESHUTDOWN))
        return server()

    async def _sample(self) -> None:
        while True:
            await asyncio.to_thread(self._now.sample)
            await asyncio.sleep(_SAMPLE_S)

    def _state(self) -> str:
        """
        Return what a change shows in: the number of the newest event, and whether the agent runs.
        """
        try:
            with History(self._store_path) as past:
                newest = past.last_seq()
        except StoreError as error:
            return str(error)
        return f"{newest} {silent_s(self._store_path) is None}"

    async def _now_page(self, request: web.Request) -> web.Response:
        del request
        return await self._renderer.page("now.html", lambda past: {"now": self._now.page(past), "spark": SPARK})

    async def _incidents(self, request: web.Request) -> web.Response:
        return await self._renderer.listing(request.query, time.time_ns())

    async def _service(self, request: web.Request) -> web.Response:
        return await self._renderer.service(request.query, time.time_ns())

    async def _incident(self, request: web.Request) -> web.Response:
        id_ = request.match_info["id"]
        return await self._renderer.page("page.html", lambda past: {"page": incident_page_of(past, id_)})

    async def _incident_file(self, request: web.Request) -> web.Response:
        id_ = request.match_info["id"]
        page = await asyncio.to_thread(self._renderer.read, lambda past: incident_page_of(past, id_))
        if not isinstance(page, IncidentPage):
            raise web.HTTPNotFound
        headers = {
            "Content-Disposition": f'attachment; filename="incident-{id_}.html"',
            "Content-Security-Policy": f"{policy()}; sandbox",
        }
        return web.Response(text=html_file(self._templates, [page.incident]), content_type="text/html", headers=headers)

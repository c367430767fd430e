"""
Renders the pages whose content is read from the store; shared by the pages of a host and of a hub.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from jinja2 import Environment

from collector.store import PastEvents, StoreError
from collector.web.pages.list_filters import KINDS, SPANS, list_filters_of
from collector.web.pages.listing import listing_of, service_of
from sinks.event.words import Cause

_NAME_CHARACTERS: Final = 256


class Renderer:
    """
    Renders pages.

    Args:
        open_store: opens the store for one reading.
        templates: their templates.
        files: what is served below /static/: the file and its type, by name.
        silent_s: returns how long the agent of the store has not been running, in seconds; None while it runs.
    """

    def __init__(
        self,
        open_store: Callable[[], AbstractContextManager[PastEvents]],
        templates: Environment,
        files: Mapping[str, tuple[Path, str]],
        silent_s: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._open_store = open_store
        self._templates = templates
        self._files = {name: (path.read_bytes(), kind) for name, (path, kind) in files.items()}
        self._silent_s = silent_s

    def read(self, read: Callable[[PastEvents], Any]) -> Any:  # noqa: ANN401 (what the page needs)
        """
        Return what is read from the store, or the error that says why it cannot be read. It blocks.
        """
        try:
            with self._open_store() as past:
                return read(past)
        except StoreError as error:
            return error

    async def page(self, template: str, read: Callable[[PastEvents], dict[str, Any]]) -> web.Response:
        """
        Render a page; another one if the store cannot be read, or does not have what is asked for.

        Args:
            template: its name.
            read: returns what the template is given; a value that is None does not exist.
        """
        return await asyncio.to_thread(self._page, template, read)

    async def listing(
        self,
        query: Mapping[str, str],
        now_ns: int,
        host_id: Callable[[str], str] | None = None,
        hosts: Sequence[str] = (),
    ) -> web.Response:
        """
        Render the list of incidents, with the filters of a query.

        Args:
            query: of the request.
            now_ns: the time now.
            host_id: where there are many hosts, returns the id of one by its id or name.
            hosts: their names, for the form.
        """
        filters = list_filters_of(query, host_id)
        choices = {"causes": list(Cause), "kinds": list(KINDS), "spans": list(SPANS)}
        choices |= {"hosts": hosts, "is_of_hosts": host_id is not None}
        return await self.page("incidents.html", lambda past: {"listing": listing_of(past, filters, now_ns), **choices})

    async def service(
        self, query: Mapping[str, str], now_ns: int, template: str = "service.html", **more: object
    ) -> web.Response:
        """
        Render the page of the service that a query names.

        Args:
            query: of the request.
            now_ns: the time now.
            template: of the page.
            more: what the template is given besides the service.
        """
        name = query.get("name", "")[:_NAME_CHARACTERS]
        return await self.page(template, lambda past: {"service": service_of(past, name, now_ns), **more})

    async def static(self, request: web.Request) -> web.Response:
        """
        Return a style sheet, script or picture.
        """
        body, kind = self._files.get(request.match_info["name"], (None, None))
        if kind is None:
            raise web.HTTPNotFound
        return web.Response(body=body, content_type=kind, charset="utf-8")

    def _page(self, template: str, read: Callable[[PastEvents], dict[str, Any]]) -> web.Response:
        names, status = self.read(read), HTTPStatus.OK
        if isinstance(names, StoreError):
            status, template, names = HTTPStatus.SERVICE_UNAVAILABLE, "unreadable.html", {"why": str(names)}
        elif None in names.values():
            status, template, names = HTTPStatus.NOT_FOUND, "missing.html", {}
        text = self._templates.get_template(template).render(**names, silent_s=self._silent_s())
        return web.Response(text=text, status=status, content_type="text/html")

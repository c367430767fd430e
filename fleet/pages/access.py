"""
Who may read the pages where other hosts reach them: whoever sends the token, or was let in by a trusted proxy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from fleet.tokens import is_sent
from sinks.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """
    Who may read. Without a token and a header of a proxy everybody may who reaches the address.

    Attributes:
        token: what readers send.
        proxy_header: the header in which a proxy names the user that it let in.
        trusted_proxies: the addresses from which that header counts.
    """

    token: Secret | None = None
    proxy_header: str | None = None
    trusted_proxies: frozenset[str] = frozenset()

    def admit(self, request: web.Request) -> bool:
        """
        Return whether a request may be answered.
        """
        if self.token is None and self.proxy_header is None:
            return True
        is_trusted = self.proxy_header is not None and request.remote in self.trusted_proxies
        if is_trusted and request.headers.get(self.proxy_header or "", "").strip():
            return True
        return self.token is not None and is_sent(request.headers.get("Authorization", ""), self.token)


def reader_guard(readers: Callable[[], Readers]) -> Middleware:
    """
    Return the middleware that refuses requests of who may not read.

    A program sends the token as `Authorization: Bearer TOKEN`; a browser asks for it as a password, with any user name.

    Args:
        readers: returns who may read.
    """

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not readers().admit(request):
            headers = {"WWW-Authenticate": 'Basic realm="exit137", charset="UTF-8"'}
            return web.Response(status=HTTPStatus.UNAUTHORIZED, text="401 send the token\n", headers=headers)
        return await handler(request)

    return guarded

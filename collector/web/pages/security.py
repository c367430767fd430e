"""
What every answer of the pages carries, and which requests are refused.

The pages have no login: they listen on a loopback address. So a web site must not be able to read them through a
visitor's browser. A name that an attacker's DNS server points at 127.0.0.1 appears in the Host header (DNS
rebinding), and is refused. So is whatever a page of another site asks for (W3C Fetch Metadata), except for a link that
is followed.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")


def hosts_of(port: int, names: tuple[str, ...]) -> frozenset[str]:
    """
    Return the Host headers that are answered.

    Args:
        port: that the pages listen on.
        names: further names, with a port if it is not the usual one: those of a proxy in front.
    """
    return frozenset(name.lower() for name in (*(f"{name}:{port}" for name in _LOOPBACK_NAMES), *names))


async def add_headers(request: web.BaseRequest, response: web.StreamResponse) -> None:
    """
    Add the headers to an answer, before it is sent. A page with its own Content-Security-Policy keeps it.
    """
    del request
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)


def guard(hosts: Callable[[], frozenset[str]]) -> Middleware:
    """
    Return the middleware that refuses requests.

    Args:
        hosts: returns the Host headers that are answered.
    """

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        refused = _refusal(request, hosts())
        if refused is not None:
            return refused
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = web.Response(status=error.status, text=f"{error.status} {error.reason}\n")
        if not response.prepared:
            # One request per connection: a connection has a deadline of its own.
            response.force_close()
        return response

    return guarded


def _refusal(request: web.Request, hosts: frozenset[str]) -> web.Response | None:
    if request.host.lower() not in hosts:
        return web.Response(status=HTTPStatus.MISDIRECTED_REQUEST, text="421 not served under this name\n")
    if _is_of_another_site(request, hosts):
        return web.Response(status=HTTPStatus.FORBIDDEN, text="403 refused to other sites\n")
    if request.method != "GET":
        return web.Response(status=HTTPStatus.METHOD_NOT_ALLOWED, text="405 GET only\n", headers={"Allow": "GET"})
    return None


def _is_of_another_site(request: web.Request, hosts: frozenset[str]) -> bool:
    """
    Return whether a page of another site has caused a request, except for a link that a visitor follows.
    """
    sent = request.headers
    origin = sent.get("Origin")
    if origin is not None and origin.lower().partition("://")[2] not in hosts:
        return True
    is_link = (sent.get("Sec-Fetch-Mode"), sent.get("Sec-Fetch-Dest")) == ("navigate", "document")
    return sent.get("Sec-Fetch-Site", "none") not in ("none", "same-origin") and not is_link

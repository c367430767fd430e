"""
Who may read the pages where other hosts reach them: whoever sends the token.
"""

import base64
import binascii
import hmac
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sinks.secret import Secret

_BEARER: Final = "Bearer "
_BASIC: Final = "Basic "


def token_guard(token: Callable[[], Secret | None]) -> Middleware:
    """
    Return the middleware that refuses requests without the token.

    A program sends it as `Authorization: Bearer TOKEN`; a browser asks for it as a password, with any user name.

    Args:
        token: returns the token; None lets everybody read.
    """

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        expected = token()
        if expected is not None and not _is_sent(request.headers.get("Authorization", ""), expected):
            headers = {"WWW-Authenticate": 'Basic realm="exit137", charset="UTF-8"'}
            return web.Response(status=HTTPStatus.UNAUTHORIZED, text="401 send the token\n", headers=headers)
        return await handler(request)

    return guarded


def _is_sent(header: str, token: Secret) -> bool:
    sent = header.removeprefix(_BEARER) if header.startswith(_BEARER) else _password(header)
    return hmac.compare_digest(sent.encode(), token.reveal().encode())


def _password(header: str) -> str:
    """
    Return the password of HTTP Basic (RFC 7617); empty where there is none.
    """
    if not header.startswith(_BASIC):
        return ""
    try:
        decoded = base64.b64decode(header.removeprefix(_BASIC), validate=True).decode("utf-8", "replace")
    except binascii.Error:
        return ""
    return decoded.partition(":")[2]

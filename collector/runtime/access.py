"""
Who may use the API. At the Unix socket the kernel says who the client is; over TCP the client is on this host or sends
the token. A web page in a browser never may.
"""

import contextlib
import grp
import hmac
import ipaddress
import os
import pwd
import socket
import struct
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final

from collector.runtime.http_request import RefusedRequestError, Request
from sinks.secret import Secret

GROUP: Final = "exit137"
# struct ucred: pid, uid, gid (unix(7)).
_CREDENTIALS: Final = struct.Struct("=iII")
_OVERFLOW_UID: Final = Path("/proc/sys/kernel/overflowuid")
_UID_MAP: Final = Path("/proc/self/uid_map")
# The length of the map of a process that sees all users (user_namespaces(7)).
_EVERY_UID: Final = "4294967295"

# Checks a request that came through a connection.
Guard = Callable[[Request, socket.socket], None]


class TcpGuard:
    """
    Checks requests to the TCP address.

    A web page can make a browser send requests to this host, also under a name of its own that resolves to it (DNS
    rebinding). So a request that a page caused is refused, and so is one to a name that is not this host's.

    Args:
        token: what clients must send; None: nothing.
        names: the names of this host.
    """

    def __init__(self, token: Secret | None, names: frozenset[str]) -> None:
        self._token = token
        self._names = names

    def __call__(self, request: Request, _connection: socket.socket) -> None:
        """
        Refuse a request that may not be answered.

        Raises:
            RefusedRequestError: it may not.
        """
        if "origin" in request.headers or request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise RefusedRequestError(HTTPStatus.FORBIDDEN, "requests from web pages are refused")
        if not _is_own_name(request.headers.get("host", ""), self._names):
            raise RefusedRequestError(HTTPStatus.MISDIRECTED_REQUEST, "the Host header is not a name of this host")
        if self._token is not None and not _has_token(request, self._token):
            raise RefusedRequestError(HTTPStatus.UNAUTHORIZED, "send the token: Authorization: Bearer TOKEN")


def socket_guard(_request: Request, connection: socket.socket) -> None:
    """
    Refuse a process that is not root, the agent's own user or a member of the group exit137.

    Raises:
        RefusedRequestError: it is none of them.
    """
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, gid = _CREDENTIALS.unpack(credentials)
    if uid not in (0, os.geteuid()) and not _is_unmapped(uid) and not _is_member(uid, gid):
        raise RefusedRequestError(HTTPStatus.FORBIDDEN, f"only root and members of the group {GROUP} may use the API")


def names_of_host() -> frozenset[str]:
    """
    Return the names under which clients may ask this host.
    """
    return frozenset({"localhost", socket.gethostname().lower()})


def group_id() -> int | None:
    """
    Return the id of the group exit137; None if this host has no such group.
    """
    try:
        return grp.getgrnam(GROUP).gr_gid
    except KeyError:
        return None


def _is_member(uid: int, gid: int) -> bool:
    allowed = group_id()
    if allowed is None:
        return False
    with contextlib.suppress(KeyError):
        return allowed in {gid, *os.getgrouplist(pwd.getpwuid(uid).pw_name, gid)}
    return allowed == gid


def _is_own_name(host: str, names: frozenset[str]) -> bool:
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() and not host.endswith("]") else host
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
        return True
    return name.lower() in names


def _has_token(request: Request, token: Secret) -> bool:
    scheme, _, sent = request.headers.get("authorization", "").partition(" ")
    expected = token.reveal().encode()
    return scheme.lower() == "bearer" and hmac.compare_digest(sent.strip().encode("latin-1", "replace"), expected)


def _is_unmapped(uid: int) -> bool:
    """
    Return whether the kernel hides a user because the agent has a user namespace of its own (PrivateUsers=).

    Then the permissions of the socket's file, which the kernel checks itself, are what admits the user.
    """
    hidden = int(_OVERFLOW_UID.read_text(encoding="ascii"))
    return uid == hidden and _EVERY_UID not in _UID_MAP.read_text(encoding="ascii").split()

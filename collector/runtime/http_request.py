"""
Parses the head of an HTTP/1.1 request (RFC 9112): only what the agent's small server needs, and strictly.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

_VERSIONS: Final = frozenset({"HTTP/1.0", "HTTP/1.1"})
_MOST_PARAMETERS: Final = 16


class RefusedRequestError(Exception):
    """
    Raised when a request is not answered.

    Args:
        status: what the client is answered.
        why: one line for the client.
    """

    def __init__(self, status: HTTPStatus, why: str = "") -> None:
        self.status = status
        self.why = why
        super().__init__(f"{status.value} {why}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """
    A GET request.

    Attributes:
        path: as it was sent, not decoded: no path of the agent has an escaped character.
        query: the text after the question mark.
        headers: by their names in lower case.
    """

    path: str
    query: str
    headers: Mapping[str, str]

    @property
    def parameters(self) -> Mapping[str, str]:
        """
        The parameters of the query.

        Raises:
            RefusedRequestError: one is given twice, or the query is not valid UTF-8, or has too many.
        """
        try:
            pairs = parse_qsl(self.query, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS)
        except ValueError as error:
            raise RefusedRequestError(HTTPStatus.BAD_REQUEST, "the query is not valid") from error
        if len(dict(pairs)) != len(pairs):
            raise RefusedRequestError(HTTPStatus.BAD_REQUEST, "a parameter is given twice")
        return dict(pairs)


def parse_head(head: bytes) -> Request:
    """
    Parse a request's first line and headers.

    Raises:
        RefusedRequestError: it is not a GET request, not HTTP, or a header is given twice that must not be.
    """
    first, *lines = head.rstrip(b"\r\n").decode("latin-1").split("\r\n")
    match first.split(" "):
        case ["GET", target, version] if version in _VERSIONS and target.startswith("/") and target.isascii():
            path, _, query = target.partition("?")
            return Request(path=path, query=query, headers=_headers(lines))
        case ["GET", _, _]:
            raise RefusedRequestError(HTTPStatus.BAD_REQUEST)
        case [_, _, version] if version in _VERSIONS:
            raise RefusedRequestError(HTTPStatus.METHOD_NOT_ALLOWED)
        case _:
            raise RefusedRequestError(HTTPStatus.BAD_REQUEST)


def _headers(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        key = name.lower()
        if not colon or not name or name != name.strip() or (key in found and key in ("host", "authorization")):
            raise RefusedRequestError(HTTPStatus.BAD_REQUEST, "a header is not valid")
        found[key] = value.strip()
    return found

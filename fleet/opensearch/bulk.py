"""
Bulk requests, and what their answers mean for the hub.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from fleet.opensearch.cluster import Cluster, refusal, understood

# Of one request: proxies in front of a cluster accept no more than a few megabytes.
_REQUEST_BYTES: Final = 4_000_000
_OK: Final = range(200, 300)
_BAD_REQUEST: Final = 400
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_QUERY: Final = {
    "require_alias": "true",
    "filter_path": "items.*.status,items.*.error.type,items.*.error.reason,items.*.error.caused_by.reason",
}
# What a mapping refuses, whenever it is sent. A cluster that is read-only answers 403 or 429.
_REFUSED: Final = frozenset({"mapper_parsing_exception", "illegal_argument_exception", "document_parsing_exception"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """
    One action of a bulk request.

    Attributes:
        verb: `create` leaves a document with this id alone, `index` replaces it.
        id: of the document.
        document: None with `delete`.
    """

    verb: Literal["create", "index", "delete"]
    id: str
    document: Mapping[str, Any] | None = None

    def lines(self) -> bytes:
        """
        Return the action as the lines of a request.
        """
        action = orjson.dumps({self.verb: {"_id": self.id}}) + b"\n"
        return action if self.document is None else action + orjson.dumps(self.document) + b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """
    What became of the actions, by their places.

    Attributes:
        there: documents that were not created, since their ids are taken.
        refused: documents that the mapping refuses.
    """

    there: Sequence[int]
    refused: Sequence[int]


@understood
async def send(cluster: Cluster, index: str, actions: Sequence[Action]) -> Outcome:
    """
    Send actions, in requests of bounded size.

    Raises:
        StoreUnavailableError: the cluster did not answer, or is not able to take one of them now.
    """
    there: list[int] = []
    refused: list[int] = []
    begin = 0
    for body, count in _requests(actions):
        _, answer = await cluster.ask("POST", f"{index}/_bulk", body, _QUERY)
        items = answer["items"]
        if len(items) != count:
            raise LookupError(f"{count} results expected, {len(items)} found")
        for place, item in enumerate(items, begin):
            (result,) = item.values()
            status, error = result["status"], result.get("error")
            if status == _CONFLICT:
                there.append(place)
            elif status == _BAD_REQUEST and _type(error) in _REFUSED:
                refused.append(place)
            elif status not in _OK and not (status == _NOT_FOUND and error is None):
                raise refusal(cluster.name, status, error)
        begin += count
    return Outcome(there=there, refused=refused)


def _requests(actions: Sequence[Action]) -> Iterator[tuple[bytes, int]]:
    """
    Yield the bodies of requests, each with the number of its actions.
    """
    lines: list[bytes] = []
    size_bytes = 0
    for action in actions:
        made = action.lines()
        if lines and size_bytes + len(made) > _REQUEST_BYTES:
            yield b"".join(lines), len(lines)
            lines, size_bytes = [], 0
        lines.append(made)
        size_bytes += len(made)
    if lines:
        yield b"".join(lines), len(lines)


def _type(error: object) -> str:
    return str(error.get("type", "")) if isinstance(error, Mapping) else ""

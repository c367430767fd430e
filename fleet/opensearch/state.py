"""
The state that hubs share: small documents, each with a kind, an id, and JSON that only its owner understands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from fleet.opensearch.bulk import Action, send
from fleet.opensearch.cluster import Cluster, understood

_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """
    Which version of a document was read: it is replaced only if nobody has replaced it since.
    """

    seq_no: int
    primary_term: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """
    A document.

    Attributes:
        id: of the document, without its kind.
        content: JSON.
        version: which one this is.
    """

    id: str
    content: Mapping[str, Any]
    version: Version


class StateIndex:
    """
    The documents of one index.

    Args:
        cluster: the cluster.
        index: the alias.
    """

    def __init__(self, cluster: Cluster, index: str) -> None:
        self._cluster = cluster
        self._index = index

    @understood
    async def get(self, kind: str, id_: str) -> Note | None:
        """
        Return a document as it is now; None if there is none.

        Raises:
            StoreUnavailableError: the cluster did not answer, or refused.
        """
        _, answer = await self._cluster.ask("POST", f"{self._index}/_mget", {"docs": [{"_id": _name(kind, id_)}]})
        (found,) = answer["docs"]
        return _note(kind, found) if found["found"] else None

    @understood
    async def all(self, kind: str) -> Sequence[Note]:
        """
        Return the documents of a kind as they are now.

        Raises:
            StoreUnavailableError: the cluster did not answer, or refused.
        """
        await self._cluster.ask("POST", f"{self._index}/_refresh")
        query = {"term": {"kind": kind}}
        body = {"size": _AT_ONCE, "query": query, "sort": [{"_seq_no": "asc"}], "seq_no_primary_term": True}
        found: list[Note] = []
        while True:
            _, answer = await self._cluster.ask("POST", f"{self._index}/_search", body)
            hits = answer["hits"]["hits"]
            found += [_note(kind, hit) for hit in hits]
            if len(hits) < _AT_ONCE:
                return found
            body["search_after"] = hits[-1]["sort"]

    async def put(self, kind: str, contents: Mapping[str, Mapping[str, Any]]) -> None:
        """
        Write documents of a kind, by their ids.

        Raises:
            StoreUnavailableError: the cluster did not answer, or refused one of them.
        """
        actions = [
            Action(verb="index", id=_name(kind, id_), document=_document(kind, content))
            for id_, content in contents.items()
        ]
        await send(self._cluster, self._index, actions)

    @understood
    async def replace(self, kind: str, id_: str, content: Mapping[str, Any], seen: Version | None) -> Version | None:
        """
        Write a document if it is still the one that was seen. Return its new version; None if somebody was faster.

        Args:
            kind: its kind.
            id_: its id.
            content: what it says from now on.
            seen: the version that is replaced; None if there was none.

        Raises:
            StoreUnavailableError: the cluster did not answer, or refused.
        """
        query = {"require_alias": "true"}
        if seen is None:
            query["op_type"] = "create"
        else:
            query |= {"if_seq_no": str(seen.seq_no), "if_primary_term": str(seen.primary_term)}
        path, body = f"{self._index}/_doc/{_name(kind, id_)}", _document(kind, content)
        status, answer = await self._cluster.ask("PUT", path, body, query, allowed=[_CONFLICT])
        if status == _CONFLICT:
            return None
        return Version(seq_no=answer["_seq_no"], primary_term=answer["_primary_term"])

    async def delete(self, kind: str, ids: Sequence[str]) -> None:
        """
        Delete documents; one that does not exist is no error.

        Raises:
            StoreUnavailableError: the cluster did not answer, or refused.
        """
        await send(self._cluster, self._index, [Action(verb="delete", id=_name(kind, id_)) for id_ in ids])


def _name(kind: str, id_: str) -> str:
    return f"{kind}:{id_}"


def _document(kind: str, content: Mapping[str, Any]) -> dict[str, str]:
    return {"kind": kind, "content": orjson.dumps(content).decode()}


def _note(kind: str, found: Mapping[str, Any]) -> Note:
    version = Version(seq_no=found["_seq_no"], primary_term=found["_primary_term"])
    return Note(
        id=found["_id"].removeprefix(f"{kind}:"), content=orjson.loads(found["_source"]["content"]), version=version
    )

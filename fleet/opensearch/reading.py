"""
Reads events from the cluster: pages of them, one by its id, and how many there were.

One index with one shard numbers its operations without a gap in time (`_seq_no`): that is the order in which events
were stored, whichever hub stored them, and every search continues by it (`search_after`). A document that was never
changed keeps its number.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from collector.store import EventCount, EventFilter, Page, PastEvent
from fleet.opensearch import queries
from fleet.opensearch.cluster import Cluster, LongAnswerError, refusal, understood
from fleet.opensearch.documents import READ, document_id, past_event
from fleet.opensearch.queries import Query

_ROWS_AT_ONCE: Final = 500
_BUCKETS_AT_ONCE: Final = 1000
_DAY_NS: Final = 86_400_000_000_000
_NOT_FOUND: Final = 404
_COUNTED: Final = ("day", "type", "cause", "service")
_WHOLE: Final = {"allow_partial_search_results": "false"}


class Reading:
    """
    Asks one cluster.

    Args:
        cluster: the cluster.
        index: the index of the events.

    Attributes:
        complete_seq: the number up to which nothing can appear any more; None if nobody follows the index.
    """

    def __init__(self, cluster: Cluster, index: str) -> None:
        self._cluster = cluster
        self._index = index
        self.complete_seq: int | None = None

    @understood
    async def page(self, wanted: EventFilter, before_seq: int | None, limit: int) -> Page:
        """
        Return a page of events, newest first, and where the next one continues.
        """
        events = await self._found(wanted, limit=limit, order="desc", before_seq=before_seq)
        is_full = len(events) == limit
        return Page(events=events, next_before_seq=events[-1].seq if is_full and events else None)

    @understood
    async def newest(self, wanted: EventFilter, limit: int) -> list[PastEvent]:
        """
        Return the newest events, in the order in which they were stored; with a limit of -1 all of them.
        """
        return (await self._found(wanted, limit=limit, order="desc"))[::-1]

    @understood
    async def after(self, wanted: EventFilter, after_seq: int, limit: int, *more: Query) -> list[PastEvent]:
        """
        Return the first events that were stored after another one, in that order; with a limit of -1 all of them.
        """
        return await self._found(wanted, *more, limit=limit, order="asc", after_seq=after_seq)

    @understood
    async def event(self, id_: str) -> PastEvent | None:
        """
        Return the event with this id; None if it is not stored. It need not have been refreshed.
        """
        (found,) = await self.documents([id_], READ)
        return past_event(found) if found["found"] else None

    @understood
    async def sources(self, ids: Collection[str]) -> dict[str, str]:
        """
        Return the `source` of the stored events among these ids, by id. They need not have been refreshed.
        """
        names = list(dict.fromkeys(ids))
        found = await self.documents(names, ["hub.source"]) if names else []
        return {
            name: item["_source"]["hub"]["source"] for name, item in zip(names, found, strict=True) if item["found"]
        }

    @understood
    async def last_seq(self) -> int:
        """
        Return the number of the newest event; 0 if there is none.
        """
        answer = await self._search({"size": 1, "_source": False, "sort": [{"_seq_no": "desc"}]})
        hits = answer["hits"]["hits"]
        return int(hits[0]["sort"][0]) + 1 if hits else 0

    @understood
    async def count_by(self, by: Collection[str], wanted: EventFilter) -> list[EventCount]:
        """
        Count events by some of `day`, `type`, `cause` and `service`: exactly, however many values there are.
        """
        columns = [name for name in _COUNTED if name in by]
        query = queries.counted_query_of(wanted)
        if not columns:
            found = await self._search({"size": 0, "track_total_hits": True, "query": query})
            total = int(found["hits"]["total"]["value"])
            return [_count({}, total)] if total else []
        counts: list[EventCount] = []
        after: Mapping[str, Any] | None = None
        while True:
            composite = {"size": _BUCKETS_AT_ONCE, "sources": [_bucket(name) for name in columns]}
            if after is not None:
                composite["after"] = after
            body = {"size": 0, "query": query, "aggs": {"counts": {"composite": composite}}}
            part = (await self._search(body))["aggregations"]["counts"]
            counts += [_count(bucket["key"], bucket["doc_count"]) for bucket in part["buckets"]]
            after = part.get("after_key")
            if after is None or len(part["buckets"]) < _BUCKETS_AT_ONCE:
                return counts

    async def documents(self, ids: Sequence[str], fields: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """
        Return the documents of events, in this order, as the engine describes them.
        """
        docs = [{"_id": document_id(id_), "_source": list(fields)} for id_ in ids]
        _, answer = await self._cluster.ask("POST", f"{self._index}/_mget", {"docs": docs})
        found: Sequence[Mapping[str, Any]] = answer["docs"]
        for item in found:
            if "error" in item:
                raise refusal(self._cluster.name, _NOT_FOUND, item["error"])
        return found

    async def _found(
        self,
        wanted: EventFilter,
        *more: Query,
        limit: int,
        order: str,
        after_seq: int | None = None,
        before_seq: int | None = None,
    ) -> list[PastEvent]:
        container = await self._container(wanted.get("container"))
        within = queries.between(after_seq=after_seq, before_seq=before_seq)
        query = queries.query_of(wanted, container, within, *more)
        found: list[PastEvent] = []
        most = _ROWS_AT_ONCE
        while limit < 0 or len(found) < limit:
            size = most if limit < 0 else min(most, limit - len(found))
            body: dict[str, Any] = {"size": size, "query": query, "sort": [{"_seq_no": order}], "_source": READ}
            if found:
                body["search_after"] = [found[-1].seq - 1]
            try:
                hits = (await self._search({**body, "seq_no_primary_term": True}))["hits"]["hits"]
            except LongAnswerError:
                if size == 1:
                    raise
                most = size // 2
                continue
            found += [past_event(hit) for hit in hits]
            if len(hits) < size:
                break
        return found

    async def _container(self, container: str | None) -> Query | None:
        """
        Return the condition on a container: its name where one has that name, else the beginning of its id.
        """
        if container is None:
            return None
        body = {"size": 0, "terminate_after": 1, "query": queries.named(container)}
        is_known = (await self._search(body))["hits"]["total"]["value"] > 0
        return queries.named(container) if is_known else queries.with_id(container)

    async def _search(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        tracked = {"track_total_hits": False} if body.get("size") else {}
        _, answer = await self._cluster.ask("POST", f"{self._index}/_search", {**tracked, **body}, _WHOLE)
        return answer


def _bucket(name: str) -> Mapping[str, Any]:
    return {name: {"terms": {"field": f"hub.{name}", "missing_bucket": True}}}


def _count(values: Mapping[str, Any], events: int) -> EventCount:
    day = values.get("day")
    return EventCount(
        day_ns=day * _DAY_NS if day is not None else None,
        type=values.get("type"),
        cause=values.get("cause"),
        service=values.get("service"),
        events=events,
    )

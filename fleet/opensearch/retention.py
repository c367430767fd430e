"""
Deletes what is too old or too much in the cluster. The hub that finds incidents does it, every ten minutes.

Statuses of hosts are of use for two hours. Everything else goes after `[store] keep_days`, and earlier when the events
take more than `[hub.store] max_bytes`: then the oldest. An incident that no sink has taken yet is a document of its
own, which stays.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from collector.config.sections import Config
from collector.store import StoreError
from fleet.opensearch.bulk import Action, send
from fleet.opensearch.cluster import understood
from fleet.opensearch.lease import Lease
from fleet.opensearch.store import ClusterStore
from sinks.event import EventType

_EVERY_S: Final = 600.0
_LOOK_S: Final = 1.0
_MS_PER_DAY: Final = 86_400_000
_KEEP_STATUSES_MS: Final = 7_200_000
_NS_PER_MS: Final = 1_000_000
# So many in one request.
_DELETED_AT_ONCE: Final = 1000
# Somewhat less than the limit, so that not every turn has to delete.
_SHARE_KEPT: Final = 0.9
_LOG: Final = logging.getLogger(__name__)


class Retention:
    """
    Deletes events.

    Args:
        store: the cluster.
        lease: says whether it is this hub's turn.
        config: how long, and how much.
        wall_ns: the wall clock.
    """

    def __init__(
        self, store: ClusterStore, lease: Lease, config: Config, wall_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._store = store
        self._lease = lease
        self._keep_ms = round(config.store.keep_days * _MS_PER_DAY)
        self._max_bytes = config.hub.store.max_bytes
        self._wall_ns = wall_ns

    async def run(self) -> None:
        """
        Delete whenever it is time and this hub's turn, until cancelled.
        """
        due_s = 0.0
        while True:
            await asyncio.sleep(_LOOK_S)
            if not self._lease.is_held or time.monotonic() < due_s:
                continue
            due_s = time.monotonic() + _EVERY_S
            try:
                await self.turn()
            except StoreError as error:
                _LOG.warning("old events were not deleted, trying again later: %s", error)

    @understood
    async def turn(self) -> None:
        """
        Delete what is too old, then what is too much.

        Raises:
            StoreUnavailableError: the cluster did not answer, or refused.
        """
        now_ms = self._wall_ns() // _NS_PER_MS
        is_status = {"term": {"hub.type": EventType.HOST_STATUS.value}}
        await self._delete(is_status, _stored_before(now_ms - _KEEP_STATUSES_MS))
        await self._delete(_stored_before(now_ms - self._keep_ms))
        share = await self._share_to_delete()
        if share > 0:
            before_ms = await self._stored_ms_at(share)
            if before_ms is not None:
                _LOG.warning("the events take more than hub.store.max_bytes: the oldest are deleted")
                await self._delete(_stored_before(before_ms + 1))

    async def _delete(self, *conditions: Mapping[str, Any]) -> None:
        index, cluster = self._store.events_index, self._store.cluster
        body: dict[str, Any] = {
            "size": _DELETED_AT_ONCE,
            "query": {"bool": {"filter": conditions}},
            "sort": [{"_seq_no": "asc"}],
            "_source": False,
        }
        while self._lease.is_held:
            _, answer = await cluster.ask("POST", f"{index}/_search", body)
            hits = answer["hits"]["hits"]
            if not hits:
                return
            await send(cluster, index, [Action(verb="delete", id=hit["_id"]) for hit in hits])
            body["search_after"] = hits[-1]["sort"]

    async def _share_to_delete(self) -> float:
        """
        Return which share of the events is too much; 0 if none is.

        Deleted events take space until the engine merges its segments; they are not counted.
        """
        _, answer = await self._store.cluster.ask("GET", f"{self._store.events_index}/_stats/store,docs")
        primaries = answer["_all"]["primaries"]
        live, deleted = primaries["docs"]["count"], primaries["docs"]["deleted"]
        live_bytes = primaries["store"]["size_in_bytes"] * live / max(live + deleted, 1)
        return 1 - _SHARE_KEPT * self._max_bytes / live_bytes if live_bytes > self._max_bytes else 0.0

    async def _stored_ms_at(self, share: float) -> float | None:
        """
        Return the time before which about this share of the events was stored.
        """
        percentiles = {"field": "hub.stored_ms", "percents": [100 * share], "keyed": False}
        body = {"size": 0, "aggs": {"stored": {"percentiles": percentiles}}}
        _, answer = await self._store.cluster.ask("POST", f"{self._store.events_index}/_search", body)
        (found,) = answer["aggregations"]["stored"]["values"]
        value: float | None = found["value"]
        return value


def _stored_before(at_ms: float) -> Mapping[str, Any]:
    return {"range": {"hub.stored_ms": {"lt": int(at_ms)}}}

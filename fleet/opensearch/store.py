"""
The store of a hub in a cluster, as the intake and the pages see it.

Nothing is committed together here. Events come first, then the position up to which an input was read: after a failure
in between the input reads the events again, and their ids are known (docs/adr/0037-opensearch-as-the-store.md).
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Unpack

import orjson

from collector.config.hub import HubStoreConfig
from collector.store import EventFilter, PastEvent, StoredEvent, StoreError, StoreUnavailableError
from collector.store.records import Position
from fleet.arrival import RefusedEventError, arrival
from fleet.opensearch.bulk import Action, Outcome, send
from fleet.opensearch.cluster import Cluster, MissingIndexError, as_sink_config, understood
from fleet.opensearch.documents import document_id, document_of, plain_document_of, source_of
from fleet.opensearch.history import ClusterHistory
from fleet.opensearch.indices import events_of, make_indices, state_of
from fleet.opensearch.queries import Query
from fleet.opensearch.reading import Reading
from fleet.opensearch.state import StateIndex

_POSITION: Final = "position"


class ClusterStore:
    """
    Events, positions and notes of the hubs in one cluster.

    Args:
        config: `[hub.store]`.
        wall_ns: the wall clock.

    Attributes:
        cluster: the connections.
        state: the documents that the hubs share.
        reading: reads the events.
    """

    def __init__(self, config: HubStoreConfig, wall_ns: Callable[[], int] = time.time_ns) -> None:
        self._config = config
        self._wall_ns = wall_ns
        self.events_index = events_of(config.index)
        self.cluster = Cluster(as_sink_config(config))
        self.state = StateIndex(self.cluster, state_of(config.index))
        self.reading = Reading(self.cluster, self.events_index)
        self._loop = asyncio.get_running_loop()

    async def prepare(self) -> None:
        """
        Make the indices that do not exist.

        Raises:
            StoreUnavailableError: the cluster did not answer, or refused.
            StoreForeignIndexError: there is one, and another program or version made it.
        """
        await make_indices(self.cluster, self._config.index, self._config.replicas)

    async def commit(self, events: Sequence[StoredEvent], positions: Mapping[str, Position]) -> int:
        """
        Store events, then positions. Return how many of the events are new.

        An id that another host has used since it was looked up is not taken: that event gets an id of its own.

        Raises:
            StoreUnavailableError: the cluster did not take all of it. The same call may be made again.
        """
        try:
            new = await self._create(events) if events else 0
            if positions:
                await self.state.put(_POSITION, positions)
        except MissingIndexError:
            await self._remake()
            raise
        return new

    async def sources(self, ids: Collection[str]) -> Mapping[str, str]:
        """
        Return the `source` of the stored events among these ids, by id.
        """
        try:
            return await self.reading.sources(ids)
        except MissingIndexError:
            await self._remake()
            raise

    async def positions(self) -> Mapping[str, Mapping[str, Any]]:
        """
        Return the stored position of each input.
        """
        return {note.id: note.content for note in await self.state.all(_POSITION)}

    async def last_seq(self) -> int:
        """
        Return the number of the newest event; 0 if there is none.
        """
        return await self.reading.last_seq()

    async def events(self, *, limit: int = 1000, **wanted: Unpack[EventFilter]) -> list[PastEvent]:
        """
        Return the newest events, in the order in which they were stored.
        """
        return await self.reading.newest(wanted, limit)

    async def events_after(self, seq: int, limit: int, *more: Query, **wanted: Unpack[EventFilter]) -> list[PastEvent]:
        """
        Return the first events that were stored after the one with this number, in that order.
        """
        return await self.reading.after(wanted, seq, limit, *more)

    @understood
    async def uuid(self) -> str:
        """
        Return which index it is that holds the events: another one begins to count anew.

        Raises:
            StoreUnavailableError: the cluster did not answer, or refused.
        """
        _, answer = await self.cluster.ask("GET", f"{self.events_index}/_settings/index.uuid")
        (index,) = answer.values()
        return str(index["settings"]["index"]["uuid"])

    def past(self) -> ClusterHistory:
        """
        Return what is stored, for a thread.
        """
        return ClusterHistory(self.reading, self._loop)

    async def aclose(self) -> None:
        """
        Close the connections.
        """
        await self.cluster.aclose()

    async def _create(self, events: Sequence[StoredEvent]) -> int:
        now_ns = self._wall_ns()
        outcome = await self._send(events, [document_of(event, now_ns) for event in events])
        refused = [events[place] for place in outcome.refused]
        there = [events[place] for place in outcome.there]
        if refused:
            plain = await self._send(refused, [plain_document_of(event, now_ns) for event in refused])
            if plain.refused:
                raise StoreUnavailableError(self.cluster.name, "the index does not have the fields of a hub")
            there += [refused[place] for place in plain.there]
        return len(events) - len(there) + await self._rename(there)

    async def _send(self, events: Sequence[StoredEvent], documents: Sequence[Mapping[str, Any]]) -> Outcome:
        actions = [
            Action(verb="create", id=document_id(event.id), document=document)
            for event, document in zip(events, documents, strict=True)
        ]
        return await send(self.cluster, self.events_index, actions)

    async def _rename(self, there: Sequence[StoredEvent]) -> int:
        """
        Store the events whose ids another host has used, under ids of their own. Return how many of them are new.
        """
        sources = await self.sources([event.id for event in there]) if there else {}
        strangers = [event for event in there if sources.get(event.id, "") != source_of(event.body)]
        renamed = []
        for event in strangers:
            with suppress(RefusedEventError):  # an incident of the hub itself, whose id is its own
                renamed.append(arrival(orjson.loads(event.body)).renamed().stored)
        return await self._create(renamed) if renamed else 0

    async def _remake(self) -> None:
        """
        Make indices that somebody has deleted, so that the next attempt finds them.
        """
        with suppress(StoreError):
            await self.prepare()

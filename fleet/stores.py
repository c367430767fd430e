"""
What a store of the hub can do: SQLite in a file of the hub, or a cluster that several hubs share.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Unpack

from collector.store import EventFilter, PastEvent, PastEvents, Store, StoredEvent
from collector.store.records import Position

if TYPE_CHECKING:
    from fleet.opensearch.store import ClusterStore


class HubStore(Protocol):
    """
    Where inputs store events and positions.
    """

    async def commit(self, events: Sequence[StoredEvent], positions: Mapping[str, Position]) -> int:
        """
        Store events and the positions after them. Return how many of the events are new.

        Raises:
            StoreError: not all of it is stored. The same call may be made again.
        """

    async def sources(self, ids: Collection[str]) -> Mapping[str, str]:
        """
        Return the `source` of the stored events among these ids, by id.
        """

    async def positions(self) -> Mapping[str, Mapping[str, Any]]:
        """
        Return the stored position of each input.
        """

    async def last_seq(self) -> int:
        """
        Return the number of the newest event; 0 if there is none.
        """

    async def events(self, *, limit: int = 1000, **wanted: Unpack[EventFilter]) -> list[PastEvent]:
        """
        Return the newest events, in the order in which they were stored.
        """

    async def events_after(self, seq: int, limit: int) -> list[PastEvent]:
        """
        Return the first events that were stored after the one with this number, in that order.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """
    What a hub keeps, and where.

    Attributes:
        events: events, incidents and positions.
        outbox: the incidents that sinks have not taken yet, in the hub's own file; with SQLite the same store.
        past: opens the events for one reading, in a thread.
        cluster: the store in a cluster; None with SQLite.
    """

    events: HubStore
    outbox: Store
    past: Callable[[], AbstractContextManager[PastEvents]]
    cluster: "ClusterStore | None" = None

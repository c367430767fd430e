"""
What the store answers without changing anything.
"""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Unpack

from collector.store import outbox, query
from collector.store.backlog import Backlog
from collector.store.database import Database
from collector.store.errors import StoreError
from collector.store.filters import EventFilter
from collector.store.records import PastEvent, PendingEvent, PendingGroup
from collector.store.rows import load_positions
from collector.store.thread import on_store_thread

_NS: Final = 1_000_000_000


class StoreReads:
    """
    The questions to a store, each on its thread.

    Args:
        database: the database.
        thread: the only one that uses it.
        backlog: what is pending for each sink.
    """

    def __init__(self, database: Database, thread: ThreadPoolExecutor, backlog: Backlog) -> None:
        self._database = database
        self._thread = thread
        self.backlog = backlog

    @property
    def trouble(self) -> StoreError | None:
        """
        Why the database is not in its place, or cannot be written; None if it can.
        """
        return self._database.trouble

    def depth(self, sink: str) -> int:
        """
        Return the number of events that are pending for a sink.
        """
        return self.backlog.depth(sink)

    def pending_sinks(self) -> frozenset[str]:
        """
        Return the sinks with pending events, including sinks that are no longer configured.
        """
        return self.backlog.sinks()

    async def pending(
        self, sink: str, limit: int, now_s: float, groups: Collection[str] | None = None
    ) -> list[PendingEvent]:
        """
        Return the events that may be sent to a sink now, in order.

        Args:
            sink: the name of the sink.
            limit: the largest number of events to return.
            now_s: the wall clock, seconds since 1970.
            groups: only events of these groups; None: of all groups.
        """
        new = self.backlog.pending(sink, limit) if groups is None else None
        return new if new is not None else await self._read_pending(sink, limit, now_s, groups)

    @on_store_thread
    def _read_pending(self, sink: str, limit: int, now_s: float, groups: Collection[str] | None) -> list[PendingEvent]:
        return outbox.pending(self._database.connection, sink, limit, now_s, groups)

    @on_store_thread
    def positions(self) -> dict[str, dict[str, Any]]:
        """
        Return the stored position of each source.
        """
        return load_positions(self._database.connection)

    @on_store_thread
    def pending_groups(self, sink: str, now_s: float) -> list[PendingGroup]:
        """
        Return the groups of the events that may be sent to a sink now (seconds since 1970), by their first events.
        """
        return outbox.pending_groups(self._database.connection, sink, now_s)

    @on_store_thread
    def pending_ids(self, sink: str) -> frozenset[str]:
        """
        Return the ids of all events that a sink has neither accepted nor refused for good.
        """
        return outbox.pending_ids(self._database.connection, sink) - self.backlog.noted_ids(sink)

    @on_store_thread
    def counts(self, groups: Collection[str], since_s: float) -> dict[str, int]:
        """
        Count the events of each group since a time (seconds since 1970), delivered or not.
        """
        return outbox.counts(self._database.connection, groups, int(since_s * _NS))

    @on_store_thread
    def next_retry_s(self, sink: str) -> float | None:
        """
        Return the time of a sink's next retry, seconds since 1970; None if no event waits for a retry.
        """
        return outbox.next_retry_s(self._database.connection, sink)

    @on_store_thread
    def last_notified_s(self, sink: str) -> dict[str, float]:
        """
        Return when people were last notified about each group through a sink, seconds since 1970.
        """
        return outbox.last_notified_s(self._database.connection, sink)

    @on_store_thread
    def events(self, *, limit: int = 1000, **wanted: Unpack[EventFilter]) -> list[PastEvent]:
        """
        Return the newest events, in the order in which they were stored.
        """
        return query.newest(self._database.connection, wanted, limit)

    @on_store_thread
    def sources(self, ids: Collection[str]) -> dict[str, str]:
        """
        Return the `source` of the stored events among these ids, by id.
        """
        return query.sources(self._database.connection, ids)

    @on_store_thread
    def last_seq(self) -> int:
        """
        Return the number of the newest event; 0 if there is none.
        """
        return query.last_seq(self._database.connection)

    @on_store_thread
    def events_after(self, seq: int, limit: int, **wanted: Unpack[EventFilter]) -> list[PastEvent]:
        """
        Return the first events that were stored after the one with this number, in that order.
        """
        return query.after(self._database.connection, wanted, after_seq=seq, limit=limit)

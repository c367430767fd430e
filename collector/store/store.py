"""
The store as the agent's event loop uses it. Every call runs on one thread, one after the other.

Events, outbox rows and source positions commit together (docs/adr/0004). If the caller of a method is cancelled, the
method's transaction still runs to its end, or does not begin.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Self

from collector.store import outbox
from collector.store.backlog import Backlog
from collector.store.database import Database
from collector.store.errors import StoreError, StoreFullError
from collector.store.reads import StoreReads
from collector.store.records import (
    Dropped,
    NotificationLog,
    PendingEvent,
    Position,
    StoredEvent,
)
from collector.store.retention import AgeLimit, drop_undelivered, trim
from collector.store.rewriting import Rewritten
from collector.store.rows import insert, save_positions
from collector.store.thread import on_store_thread
from sinks.errors import Reason

DEFAULT_MAX_BYTES: Final = 268_435_456
DEFAULT_KEEP_NS: Final = 90 * 86_400_000_000_000
_NS: Final = 1_000_000_000


class Store(StoreReads):
    """
    Events, outbox and positions in one database, opened by `Store.open`.

    Attributes:
        backlog: what is pending for each sink; read only.
        salvaged: what was recovered from a damaged database at opening; None if it was not damaged.
    """

    def __init__(
        self,
        database: Database,
        *,
        thread: ThreadPoolExecutor,
        max_bytes: int,
        keep_ns: int,
        wall_ns: Callable[[], int],
    ) -> None:
        super().__init__(database, thread)
        self.salvaged = database.salvaged
        self._max_bytes = max_bytes
        self._age_limit = AgeLimit(keep_ns)
        self._wall_ns = wall_ns
        self.backlog = Backlog(outbox.depths(database.connection))
        self._closed = False

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        max_bytes: int = DEFAULT_MAX_BYTES,
        keep_ns: int = DEFAULT_KEEP_NS,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> Self:
        """
        Open the database, or create it.

        Args:
            path: the file; it and its directory are created.
            max_bytes: the largest size of the store.
            keep_ns: how long delivered events are kept.
            wall_ns: the wall clock.

        Raises:
            StoreError: the database cannot be used; the class says why.
        """
        thread = ThreadPoolExecutor(1, "store")
        try:
            database = await asyncio.get_running_loop().run_in_executor(thread, Database, path)
        except StoreError:
            thread.shutdown(wait=False)
            raise
        return cls(database, thread=thread, max_bytes=max_bytes, keep_ns=keep_ns, wall_ns=wall_ns)

    @on_store_thread
    def commit(
        self,
        events: Sequence[StoredEvent],
        positions: Mapping[str, Position],
        drop_event: Callable[[Sequence[Dropped]], StoredEvent] | None = None,
    ) -> int:
        """
        Store events and positions in one transaction. Return how many of the events are new.

        An event whose id is already stored is ignored, so it is not delivered again.

        Args:
            events: what to store.
            positions: the position of each source.
            drop_event: if given, the oldest undelivered events are dropped when the store is full. It makes the event
                that reports the loss, which is stored in the same transaction.

        Raises:
            StoreFullError: the store is full of undelivered events and `drop_event` is None; nothing was stored.
            StoreUnavailableError: the disk refused; nothing was stored or dropped.
        """
        dropped: list[Dropped] = []
        self._database.keep_in_place()
        with self._database.transaction() as connection:
            new = [event for event in events if insert(connection, event, self._wall_ns())]
            save_positions(connection, positions)
            self._age_limit.apply(connection, self._wall_ns())
            if new and not trim(connection, self._max_bytes):
                if drop_event is None:
                    raise StoreFullError(self._max_bytes, self.backlog.depths())
                dropped = drop_undelivered(connection, self._max_bytes)
                drop_events = [drop_event(dropped)] if dropped else []
                new += [event for event in drop_events if insert(connection, event, self._wall_ns())]
        # Only after COMMIT: a transaction that failed has changed nothing.
        self.backlog.add(new)
        self.backlog.lose({loss.sink: loss.count for loss in dropped})
        return len(new)

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
    def mark_delivered(self, sink: str, ids: Sequence[str], notified: NotificationLog | None = None) -> None:
        """
        Record that a sink accepted these events.

        Args:
            sink: the name of the sink.
            ids: the ids of the events.
            notified: for a chat, the groups that the message was about.
        """
        with self._database.transaction() as connection:
            removed = outbox.remove(connection, sink, ids)
            if notified is not None:
                outbox.record_notifications(connection, sink, notified)
        self.backlog.remove(sink, ids, removed)

    @on_store_thread
    def mark_failed(self, sink: str, ids: Sequence[str], retry_at_s: float, reason: str, detail: str) -> None:
        """
        Record that an attempt to deliver these events failed.

        Args:
            sink: the name of the sink.
            ids: the ids of the events.
            retry_at_s: the earliest next attempt, seconds since 1970; 0: at once. Delays the key's later events too.
            reason: the class of the failure.
            detail: the failure in words.
        """
        with self._database.transaction() as connection:
            outbox.delay(connection, sink, ids=ids, retry_at_s=retry_at_s, reason=reason, detail=detail)
        self.backlog.forget(sink)

    @on_store_thread
    def dead_letter(self, sink: str, event_id: str, reason: str, detail: str) -> None:
        """
        Move an event that a sink will never accept from its queue to the dead letters.
        """
        with self._database.transaction() as connection:
            now_ns = self._wall_ns()
            removed = outbox.dead_letter(connection, sink, id_=event_id, reason=reason, detail=detail, died_ns=now_ns)
        self.backlog.remove(sink, [event_id], removed)

    @on_store_thread
    def expire(self, sink: str, before_s: float) -> int:
        """
        Dead-letter the events that wait for a sink since before a time (seconds since 1970). Return how many.
        """
        if not self.backlog.depth(sink):
            return 0
        with self._database.transaction() as connection:
            before_ns, now_ns = int(before_s * _NS), self._wall_ns()
            expired = outbox.expire(connection, sink, before_ns=before_ns, reason=Reason.EXPIRED.value, died_ns=now_ns)
        self.backlog.lose({sink: expired})
        return expired

    @property
    def trouble(self) -> StoreError | None:
        """
        Why the database is not in its place, or cannot be written; None if it can.
        """
        return self._database.trouble

    @on_store_thread
    def take_rewrites(self) -> list[Rewritten]:
        """
        Write the database anew if its files were deleted or replaced. Return what was rewritten since the last call.
        """
        self._database.keep_in_place()
        return self._database.take_rewrites()

    @on_store_thread
    def refresh(self) -> bool:
        """
        Count the pending events again if another process (`exit137 spool`) changed the database. Return whether it did.
        """
        was_changed = self._database.was_changed()
        if was_changed:
            self.backlog = Backlog(outbox.depths(self._database.connection))
        return was_changed

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

    async def aclose(self) -> None:
        """
        Close the database. Safe to call twice.
        """
        if self._closed:
            return
        self._closed = True
        await self._close()
        self._thread.shutdown(wait=False)

    @on_store_thread
    def _close(self) -> None:
        self._database.close()

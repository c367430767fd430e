"""
The store as the agent's event loop uses it. Every call runs on one thread, one after the other.

Events, outbox rows and source positions commit together (docs/adr/0004). Events may be sent while their transaction
is being committed, and the deliveries to a sink that keeps up are written with the next transaction (docs/adr/0028).
If the caller of a method is cancelled, the method's transaction still runs to its end, or does not begin.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, Self

from collector.store import outbox
from collector.store.backlog import Backlog
from collector.store.database import Database
from collector.store.errors import StoreError, StoreFullError
from collector.store.reads import StoreReads
from collector.store.records import Dropped, NotificationLog, Position, StoredEvent
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
        on_sendable: called in the loop when new events may be sent, even if they are not on the disk yet; None: nobody
            sends before `commit` has returned.
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
        super().__init__(database, thread, Backlog(outbox.depths(database.connection)))
        self.salvaged = database.salvaged
        self._max_bytes = max_bytes
        self._age_limit = AgeLimit(keep_ns)
        self._wall_ns = wall_ns
        self.on_sendable: Callable[[], None] | None = None
        self._loop = asyncio.get_running_loop()
        # After a failure, events are sent once they are stored: each attempt would send them again.
        self._may_send_early = True
        self._closed = False

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        max_bytes: int = DEFAULT_MAX_BYTES,
        keep_ns: int = DEFAULT_KEEP_NS,
        wall_ns: Callable[[], int] = time.time_ns,
        is_of_hosts: bool = False,
    ) -> Self:
        """
        Open the database, or create it.

        Args:
            path: the file; it and its directory are created.
            max_bytes: the largest size of the store.
            keep_ns: how long delivered events are kept.
            wall_ns: the wall clock.
            is_of_hosts: it has events of many hosts, and they are asked for by host.

        Raises:
            StoreError: the database cannot be used; the class says why.
        """
        thread = ThreadPoolExecutor(1, "store")
        try:
            database = await asyncio.get_running_loop().run_in_executor(
                thread, partial(Database, path, is_of_hosts=is_of_hosts)
            )
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
        early: list[StoredEvent] = []
        try:
            with self._transaction() as connection:
                new, dropped = self._insert(connection, events, positions, drop_event)
                early = [] if dropped or not self._may_send_early or self.on_sendable is None else new
                self._announce(early)
        except BaseException:
            self.backlog.retract(early)
            self._may_send_early = False
            raise
        finally:
            # After the transaction, because an event waits for it; what went into a lost file is written anew as well.
            self._database.keep_in_place()
        self._may_send_early = True
        if not early:
            self._announce(new)
        self.backlog.lose({loss.sink: loss.count for loss in dropped})
        return len(new)

    def _insert(
        self,
        connection: sqlite3.Connection,
        events: Sequence[StoredEvent],
        positions: Mapping[str, Position],
        drop_event: Callable[[Sequence[Dropped]], StoredEvent] | None,
    ) -> tuple[list[StoredEvent], list[Dropped]]:
        """
        Write the rows of a commit. Return the events that are new, and what was dropped for them.
        """
        dropped: list[Dropped] = []
        new = [event for event in events if insert(connection, event, self._wall_ns())]
        save_positions(connection, positions)
        self._age_limit.apply(connection, self._wall_ns())
        if new and not trim(connection, self._max_bytes):
            dropped = self._make_room(connection, may_drop=drop_event is not None)
            drop_events = [drop_event(dropped)] if dropped and drop_event is not None else []
            new += [event for event in drop_events if insert(connection, event, self._wall_ns())]
        return new, dropped

    def _make_room(self, connection: sqlite3.Connection, *, may_drop: bool) -> list[Dropped]:
        """
        Drop the oldest undelivered events. Return the losses.

        Raises:
            StoreFullError: they may not be dropped.
        """
        if not may_drop:
            raise StoreFullError(self._max_bytes, self.backlog.depths())
        return drop_undelivered(connection, self._max_bytes)

    def _announce(self, events: Sequence[StoredEvent]) -> None:
        """
        Have new events sent.
        """
        self.backlog.add(events)
        if events and self.on_sendable is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody sends any more
                self._loop.call_soon_threadsafe(self.on_sendable)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """
        Begin a transaction, and write with it the deliveries that were noted.
        """
        noted = self.backlog.take_noted()
        try:
            with self._database.transaction() as connection:
                for sink, ids in noted.items():
                    outbox.remove(connection, sink, ids)
                yield connection
        except BaseException:
            self.backlog.return_noted(noted)
            raise

    async def note_delivered(self, sink: str, ids: Sequence[str]) -> None:
        """
        Record that a sink that keeps up accepted these events, with the next transaction or the next `refresh`.

        After a crash in between the sink gets them again. For a sink that does not keep up they are recorded at once.
        """
        if not self.backlog.note(sink, ids):
            await self.mark_delivered(sink, ids)

    @on_store_thread
    def mark_delivered(self, sink: str, ids: Sequence[str], notified: NotificationLog | None = None) -> None:
        """
        Record that a sink accepted these events.

        Args:
            sink: the name of the sink.
            ids: the ids of the events.
            notified: for a chat, the groups that the message was about.
        """
        with self._transaction() as connection:
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
        with self._transaction() as connection:
            outbox.delay(connection, sink, ids=ids, retry_at_s=retry_at_s, reason=reason, detail=detail)
        self.backlog.forget(sink)

    @on_store_thread
    def dead_letter(self, sink: str, event_id: str, reason: str, detail: str) -> None:
        """
        Move an event that a sink will never accept from its queue to the dead letters.
        """
        with self._transaction() as connection:
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
        with self._transaction() as connection:
            before_ns, now_ns = int(before_s * _NS), self._wall_ns()
            expired = outbox.expire(connection, sink, before_ns=before_ns, reason=Reason.EXPIRED.value, died_ns=now_ns)
        self.backlog.lose({sink: expired})
        return expired

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

        Deliveries that were noted are written.
        """
        self._write_noted()
        was_changed = self._database.was_changed()
        if was_changed:
            self.backlog.reset(outbox.depths(self._database.connection))
        return was_changed

    async def aclose(self) -> None:
        """
        Close the database. Safe to call twice.
        """
        if self._closed:
            return
        self._closed = True
        await self._close()
        self._thread.shutdown(wait=False)

    def _write_noted(self) -> None:
        if self.backlog.has_noted:
            with self._transaction():
                pass

    @on_store_thread
    def _close(self) -> None:
        with suppress(StoreError):  # the sinks get these events again
            self._write_noted()
        self._database.close()

"""
The store as the agent's loop sees it: every call runs in one thread, one after the other.

Events, what waits for each sink, and the sources' positions commit together (docs/adr/0004). A call whose
caller was cancelled is carried out whole, or not at all.
"""

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, ParamSpec, Self, TypeVar

import orjson

from collector.store import outbox
from collector.store.database import Database
from collector.store.errors import StoreError, StoreFullError
from collector.store.history import select
from collector.store.records import Dropped, PastEvent, PendingEvent, StoredEvent, Told, WaitingGroup
from collector.store.retention import drop_undelivered, forget, trim
from sinks.errors import Reason

DEFAULT_MAX_BYTES: Final = 268_435_456
DEFAULT_KEEP_NS: Final = 90 * 86_400_000_000_000
_NS: Final = 1_000_000_000
_FORGET_EVERY_NS: Final = 3_600_000_000_000
Position = Mapping[str, Any]

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

_INSERT: Final = """
    INSERT INTO events (id, type, subject, key, container_id, time_ns, stored_ns, body, grouped)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
"""
_KEEP_POSITION: Final = """
    INSERT INTO positions (source, position) VALUES (?, ?)
    ON CONFLICT (source) DO UPDATE SET position = excluded.position
"""


class Store:
    """
    Events, outbox and positions. Get one from `Store.open`.

    Attributes:
        salvaged: what became of a damaged predecessor of the database; None: there was none.
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
        self.salvaged = database.salvaged
        self._database = database
        self._thread = thread
        self._max_bytes = max_bytes
        self._keep_ns = keep_ns
        self._forget_due_ns = 0
        self._version = database.data_version()
        self._wall_ns = wall_ns
        self._closed = False
        self._depths = Counter(outbox.depths(database.connection))

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
        Open the database, or begin one.

        Args:
            path: the file; it and its directory are created.
            max_bytes: how large the store may grow.
            keep_ns: how long events are kept that nobody waits for.
            wall_ns: the wall clock.

        Raises:
            StoreError: it cannot be used; the class says why.
        """
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        try:
            database = await asyncio.get_running_loop().run_in_executor(thread, Database, path)
        except StoreError:
            thread.shutdown(wait=False)
            raise
        return cls(database, thread=thread, max_bytes=max_bytes, keep_ns=keep_ns, wall_ns=wall_ns)

    async def commit(self, events: Sequence[StoredEvent], positions: Mapping[str, Position]) -> int:
        """
        Store events and positions in one transaction; gives how many of the events are new.

        An event whose id is known already is not stored or sent again.

        Raises:
            StoreFullError: there is no room; nothing was stored.
            StoreUnavailableError: the disk refused; nothing was stored.
        """
        return await self._run(self._commit, events, positions)

    async def commit_dropping(
        self,
        events: Sequence[StoredEvent],
        positions: Mapping[str, Position],
        tell: Callable[[Sequence[Dropped]], StoredEvent],
    ) -> int:
        """
        Store these as `commit` does; where there is no room, the oldest undelivered events give way.

        Args:
            events: what to store.
            positions: per source where it goes on.
            tell: makes the event that says what was lost; it is stored in the same transaction.

        Raises:
            StoreUnavailableError: the disk refused; nothing was stored, and nothing dropped.
        """
        return await self._run(self._commit, events, positions, tell)

    async def positions(self) -> dict[str, dict[str, Any]]:
        """
        Per source where it goes on.
        """
        return await self._run(self._positions)

    async def pending(
        self, sink: str, limit: int, now_s: float, groups: Collection[str] | None = None
    ) -> list[PendingEvent]:
        """
        What a sink may be sent now, in order.

        Args:
            sink: its name.
            limit: how many at the most.
            now_s: the wall clock, seconds since 1970.
            groups: only of these; None: of all.
        """
        return await self._run(outbox.pending, self._database.connection, sink, limit, now_s, groups)

    async def waiting(self, sink: str, now_s: float) -> list[WaitingGroup]:
        """
        The groups of what a sink may be sent now, in the order of their first events.

        Args:
            sink: its name.
            now_s: the wall clock, seconds since 1970.
        """
        return await self._run(outbox.waiting, self._database.connection, sink, now_s)

    async def counts(self, groups: Collection[str], since_s: float) -> dict[str, int]:
        """
        Per group how many events have happened since a time (seconds since 1970), waiting or not.
        """
        return await self._run(outbox.counts, self._database.connection, groups, int(since_s * _NS))

    async def next_retry_s(self, sink: str) -> float | None:
        """
        When the first delayed event of a sink is due, seconds since 1970; None: none is delayed.
        """
        return await self._run(self._next_retry_s, sink)

    async def delivered(self, sink: str, ids: Sequence[str], told: Told | None = None) -> None:
        """
        A sink took these events.

        Args:
            sink: its name.
            ids: the events.
            told: where a person reads them, the groups that he was told of.
        """
        await self._run(self._delivered, sink, ids, told)

    async def failed(self, sink: str, ids: Sequence[str], retry_at_s: float, reason: str, detail: str) -> None:
        """
        A sink did not take these events.

        Args:
            sink: its name.
            ids: the events.
            retry_at_s: not before this, seconds since 1970; later ones of the same key wait too. 0: at once.
            reason: the class of the failure.
            detail: words for a person.
        """
        await self._run(self._failed, sink, ids, retry_at_s, reason, detail)

    async def dead(self, sink: str, event_id: str, reason: str, detail: str) -> None:
        """
        A sink will never take this event: put it aside, with the reason.
        """
        await self._run(self._dead, sink, event_id, reason, detail)

    async def expire(self, sink: str, before_s: float) -> int:
        """
        Put aside what waits for a sink since before a time (seconds since 1970); gives how many events that were.
        """
        return await self._run(self._expire, sink, before_s) if self._depths[sink] else 0

    async def told(self, sink: str) -> dict[str, float]:
        """
        Per group of events when a person was last told of it through a sink, seconds since 1970.
        """
        return await self._run(outbox.told, self._database.connection, sink)

    async def refresh(self) -> bool:
        """
        Take notice of what another process changed in the store (`exit137 spool`); False: nothing.
        """
        return await self._run(self._refresh)

    async def events(
        self,
        *,
        since_ns: int | None = None,
        until_ns: int | None = None,
        container: str | None = None,
        types: Collection[str] | None = None,
        limit: int = 1000,
        after_seq: int | None = None,
    ) -> list[PastEvent]:
        """
        Stored events; the arguments are those of `History.events`.
        """
        return await self._run(
            select,
            self._database.connection,
            since_ns=since_ns,
            until_ns=until_ns,
            container=container,
            types=types,
            limit=limit,
            after_seq=after_seq,
        )

    def depth(self, sink: str) -> int:
        """
        How many events wait for a sink.
        """
        return self._depths[sink]

    def total_depth(self) -> int:
        """
        How many deliveries are still to be made, to all sinks together.
        """
        return self._depths.total()

    def waiting_sinks(self) -> frozenset[str]:
        """
        The sinks that events wait for, also those that are not configured any more.
        """
        return frozenset(sink for sink, count in self._depths.items() if count)

    async def aclose(self) -> None:
        """
        Close the database. Safe to call twice.
        """
        if self._closed:
            return
        self._closed = True
        await self._run(self._database.close)
        self._thread.shutdown(wait=False)

    async def _run(
        self,
        function: Callable[_Arguments, _Result],
        *args: _Arguments.args,
        **kwargs: _Arguments.kwargs,
    ) -> _Result:
        def guarded() -> _Result:
            with self._database.guarded():
                return function(*args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._thread, guarded)

    def _commit(
        self,
        events: Sequence[StoredEvent],
        positions: Mapping[str, Position],
        tell: Callable[[Sequence[Dropped]], StoredEvent] | None = None,
    ) -> int:
        dropped: list[Dropped] = []
        with self._database.transaction() as connection:
            new = [event for event in events if self._insert(connection, event)]
            connection.executemany(
                _KEEP_POSITION,
                [(source, orjson.dumps(position).decode()) for source, position in positions.items()],
            )
            self._forget(connection)
            if new and not trim(connection, self._max_bytes):
                if tell is None:
                    raise StoreFullError(self._max_bytes, self._depths)
                dropped = drop_undelivered(connection, self._max_bytes)
                new += [event for event in map(tell, [dropped] if dropped else []) if self._insert(connection, event)]
        self._depths.update(sink for event in new for sink in event.sinks)
        self._depths.subtract({loss.sink: loss.count for loss in dropped})
        return len(new)

    def _insert(self, connection: sqlite3.Connection, event: StoredEvent) -> bool:
        """
        Store one event, unless its id is known.
        """
        stored_ns = self._wall_ns()
        time_ns = stored_ns if event.time_ns is None else event.time_ns
        what = (event.id, event.type, event.subject, event.key, event.container_id)
        cursor = connection.execute(_INSERT, (*what, time_ns, stored_ns, event.body, event.group))
        if not cursor.rowcount or cursor.lastrowid is None:
            return False
        outbox.add(connection, cursor.lastrowid, event.key, event.sinks)
        return True

    def _forget(self, connection: sqlite3.Connection) -> None:
        """
        Now and then, let go of what is older than the history shall be.
        """
        now_ns = self._wall_ns()
        if self._forget_due_ns <= now_ns:
            forget(connection, now_ns - self._keep_ns)
            self._forget_due_ns = now_ns + _FORGET_EVERY_NS

    def _positions(self) -> dict[str, dict[str, Any]]:
        rows = self._database.connection.execute("SELECT source, position FROM positions")
        return {source: orjson.loads(position) for source, position in rows}

    def _next_retry_s(self, sink: str) -> float | None:
        return outbox.next_retry_s(self._database.connection, sink)

    def _delivered(self, sink: str, ids: Sequence[str], told: Told | None) -> None:
        with self._database.transaction() as connection:
            removed = outbox.remove(connection, sink, ids)
            if told is not None:
                outbox.tell(connection, sink, told.groups, told.forget_before_s)
        self._depths[sink] -= removed

    def _failed(self, sink: str, ids: Sequence[str], retry_at_s: float, reason: str, detail: str) -> None:
        with self._database.transaction() as connection:
            outbox.delay(connection, sink, ids=ids, retry_at_s=retry_at_s, reason=reason, detail=detail)

    def _dead(self, sink: str, event_id: str, reason: str, detail: str) -> None:
        with self._database.transaction() as connection:
            removed = outbox.bury(connection, sink, id_=event_id, reason=reason, detail=detail, died_ns=self._wall_ns())
        self._depths[sink] -= removed

    def _expire(self, sink: str, before_s: float) -> int:
        with self._database.transaction() as connection:
            expired = outbox.expire(
                connection,
                sink,
                before_ns=int(before_s * _NS),
                reason=Reason.EXPIRED.value,
                died_ns=self._wall_ns(),
            )
        self._depths[sink] -= expired
        return expired

    def _refresh(self) -> bool:
        version = self._database.data_version()
        if version == self._version:
            return False
        self._version = version
        self._depths = Counter(outbox.depths(self._database.connection))
        return True

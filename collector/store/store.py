"""
The store as the agent's loop sees it: every call runs in one thread, one after the other.

Events, what waits for each sink, and the sources' positions commit together (docs/adr/0004). A call whose
caller was cancelled is carried out whole, or not at all.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, ParamSpec, Self, TypeVar

from collector.store import outbox
from collector.store.database import Database
from collector.store.errors import StoreError
from collector.store.history import select
from collector.store.ledger import Ledger, Position
from collector.store.records import Dropped, PastEvent, PendingEvent, StoredEvent, Told, WaitingGroup

DEFAULT_MAX_BYTES: Final = 268_435_456
DEFAULT_KEEP_NS: Final = 90 * 86_400_000_000_000
_NS: Final = 1_000_000_000

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


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
        self._ledger = Ledger(database, max_bytes=max_bytes, keep_ns=keep_ns, wall_ns=wall_ns)
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
        return await self._run(self._ledger.commit, events, positions)

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
        return await self._run(self._ledger.commit, events, positions, tell)

    async def positions(self) -> dict[str, dict[str, Any]]:
        """
        Per source where it goes on.
        """
        return await self._run(self._ledger.positions)

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
        return await self._run(outbox.next_retry_s, self._database.connection, sink)

    async def delivered(self, sink: str, ids: Sequence[str], told: Told | None = None) -> None:
        """
        A sink took these events.

        Args:
            sink: its name.
            ids: the events.
            told: where a person reads them, the groups that he was told of.
        """
        await self._run(self._ledger.delivered, sink, ids, told)

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
        await self._run(self._ledger.failed, sink, ids, retry_at_s, reason, detail)

    async def dead(self, sink: str, event_id: str, reason: str, detail: str) -> None:
        """
        A sink will never take this event: put it aside, with the reason.
        """
        await self._run(self._ledger.dead, sink, event_id, reason, detail)

    async def expire(self, sink: str, before_s: float) -> int:
        """
        Put aside what waits for a sink since before a time (seconds since 1970); gives how many events that were.
        """
        return await self._run(self._ledger.expire, sink, before_s) if self._ledger.depths[sink] else 0

    async def told(self, sink: str) -> dict[str, float]:
        """
        Per group of events when a person was last told of it through a sink, seconds since 1970.
        """
        return await self._run(outbox.told, self._database.connection, sink)

    async def refresh(self) -> bool:
        """
        Take notice of what another process changed in the store (`exit137 spool`); False: nothing.
        """
        return await self._run(self._ledger.refresh)

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
        return self._ledger.depths[sink]

    def total_depth(self) -> int:
        """
        How many deliveries are still to be made, to all sinks together.
        """
        return self._ledger.depths.total()

    def waiting_sinks(self) -> frozenset[str]:
        """
        The sinks that events wait for, also those that are not configured any more.
        """
        return frozenset(sink for sink, count in self._ledger.depths.items() if count)

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

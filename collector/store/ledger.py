"""
What the store does in its one thread: each call is a transaction, or a look.

Kept beside the database is only how many events wait for each sink: the loop asks for that often.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from collector.store import outbox
from collector.store.database import Database
from collector.store.errors import StoreFullError
from collector.store.records import Dropped, StoredEvent, Told
from collector.store.retention import drop_undelivered, forget, trim
from sinks.errors import Reason

Position = Mapping[str, Any]

_NS: Final = 1_000_000_000
_FORGET_EVERY_NS: Final = 3_600_000_000_000

_INSERT: Final = """
    INSERT INTO events (id, type, subject, key, container_id, time_ns, stored_ns, body, grouped)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
"""
_KEEP_POSITION: Final = """
    INSERT INTO positions (source, position) VALUES (?, ?)
    ON CONFLICT (source) DO UPDATE SET position = excluded.position
"""


class Ledger:
    """
    Events, outbox and positions of one database; `Store` says what each call means.

    Attributes:
        depths: how many events wait for each sink.
    """

    def __init__(self, database: Database, *, max_bytes: int, keep_ns: int, wall_ns: Callable[[], int]) -> None:
        self.depths = Counter(outbox.depths(database.connection))
        self._database = database
        self._max_bytes = max_bytes
        self._keep_ns = keep_ns
        self._forget_due_ns = 0
        self._version = database.data_version()
        self._wall_ns = wall_ns

    def commit(
        self,
        events: Sequence[StoredEvent],
        positions: Mapping[str, Position],
        tell: Callable[[Sequence[Dropped]], StoredEvent] | None = None,
    ) -> int:
        """
        Store events and positions, making room if need be; gives how many of the events are new.
        """
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
                    raise StoreFullError(self._max_bytes, self.depths)
                dropped = drop_undelivered(connection, self._max_bytes)
                new += [event for event in map(tell, [dropped] if dropped else []) if self._insert(connection, event)]
        self.depths.update(sink for event in new for sink in event.sinks)
        self.depths.subtract({loss.sink: loss.count for loss in dropped})
        return len(new)

    def positions(self) -> dict[str, dict[str, Any]]:
        """
        Per source where it goes on.
        """
        rows = self._database.connection.execute("SELECT source, position FROM positions")
        return {source: orjson.loads(position) for source, position in rows}

    def delivered(self, sink: str, ids: Sequence[str], told: Told | None) -> None:
        """
        A sink took these events.
        """
        with self._database.transaction() as connection:
            removed = outbox.remove(connection, sink, ids)
            if told is not None:
                outbox.tell(connection, sink, told.groups, told.forget_before_s)
        self.depths[sink] -= removed

    def failed(self, sink: str, ids: Sequence[str], retry_at_s: float, reason: str, detail: str) -> None:
        """
        A sink did not take these events.
        """
        with self._database.transaction() as connection:
            outbox.delay(connection, sink, ids=ids, retry_at_s=retry_at_s, reason=reason, detail=detail)

    def dead(self, sink: str, event_id: str, reason: str, detail: str) -> None:
        """
        A sink will never take this event.
        """
        with self._database.transaction() as connection:
            removed = outbox.bury(connection, sink, id_=event_id, reason=reason, detail=detail, died_ns=self._wall_ns())
        self.depths[sink] -= removed

    def expire(self, sink: str, before_s: float) -> int:
        """
        Put aside what waits for too long; gives how many events that were.
        """
        with self._database.transaction() as connection:
            expired = outbox.expire(
                connection,
                sink,
                before_ns=int(before_s * _NS),
                reason=Reason.EXPIRED.value,
                died_ns=self._wall_ns(),
            )
        self.depths[sink] -= expired
        return expired

    def refresh(self) -> bool:
        """
        Count again if another process changed the database; False: none did.
        """
        version = self._database.data_version()
        if version == self._version:
            return False
        self._version = version
        self.depths = Counter(outbox.depths(self._database.connection))
        return True

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

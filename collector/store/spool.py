"""
Inspects and repairs the delivery queue for `exit137 spool`, while the agent may be running.

SQLite serializes the two writers. The agent notices within seconds that something was changed.
"""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from collector.store.connection import MIGRATIONS, check_schema
from collector.store.database import check_readable, lock_of
from collector.store.errors import StoreCorruptError, StoreForeignError, as_store_errors
from collector.store.transaction import transaction

# How long to wait for a transaction of the agent.
_BUSY_S: Final = 10.0

_SUMMARY: Final = """
    SELECT sink, sum(waiting), sum(dead), min(oldest_ns), max(attempts), max(retry_at_s), max(detail) FROM (
        SELECT o.sink, count(*) AS waiting, 0 AS dead, min(e.stored_ns) AS oldest_ns, max(o.attempts) AS attempts,
               max(o.retry_at_s) AS retry_at_s, max(o.detail) AS detail
        FROM outbox AS o JOIN events AS e ON e.seq = o.seq GROUP BY o.sink
        UNION ALL
        SELECT sink, 0, count(*), NULL, NULL, NULL, NULL FROM dead_letters GROUP BY sink
    ) GROUP BY sink ORDER BY sink
"""
_ENTRIES: Final = """
    SELECT l.sink, e.id, e.type, e.subject, e.stored_ns, l.attempts, l.reason, l.detail, e.body
    FROM {table} AS l JOIN events AS e ON e.seq = l.seq
"""
_PENDING: Final = _ENTRIES.format(table="outbox")
_DEAD: Final = _ENTRIES.format(table="dead_letters")
_DELETE_DEAD: Final = "DELETE FROM dead_letters WHERE sink = ? AND seq = ?"
_QUEUE: Final = (
    "INSERT OR IGNORE INTO outbox (sink, seq, key, queued_ns) SELECT ?1, seq, key, ?2 FROM events WHERE seq = ?3"
)


@dataclass(frozen=True, slots=True)
class SinkBacklog:
    """
    The pending and dead-lettered events of one sink, counted.

    Attributes:
        waiting: the number of pending events.
        dead: the number of dead letters.
        oldest_ns: when the oldest pending event was stored; None if nothing is pending.
        attempts: the largest number of failed attempts of one event.
        retry_at_s: when the last delay ends, seconds since 1970; 0: no event is delayed.
        detail: one of the failures, in words.
    """

    sink: str
    waiting: int
    dead: int
    oldest_ns: int | None
    attempts: int | None
    retry_at_s: float | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One event that is not delivered to one sink.

    Attributes:
        dead: whether it is a dead letter or still pending.
    """

    dead: bool
    sink: str
    id: str
    type: str
    subject: str
    stored_ns: int
    attempts: int
    reason: str | None
    detail: str | None
    body: bytes


class Spool:
    """
    The undelivered events of a store.

    Args:
        path: the database.
        wall_ns: the wall clock.

    Raises:
        StoreError: the database does not exist or cannot be used; the class says why.
    """

    def __init__(self, path: Path, wall_ns: Callable[[], int] = time.time_ns) -> None:
        self._path = path
        self._wall_ns = wall_ns
        check_readable(path)
        with self._guarded():
            uri = f"{path.absolute().as_uri()}?mode=rw"
            self._connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_BUSY_S)
            try:
                self._connection.execute("PRAGMA foreign_keys = ON")
                check_schema(self._connection, path, oldest=len(MIGRATIONS))
            except BaseException:
                self._connection.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def backlogs(self) -> list[SinkBacklog]:
        """
        Count the pending and dead-lettered events of each sink that has any.
        """
        return [SinkBacklog(*row) for row in self._rows(_SUMMARY)]

    def entries(
        self, *, dead: bool, sinks: Sequence[str] = (), ids: Sequence[str] = (), limit: int = -1
    ) -> list[Entry]:
        """
        Return undelivered events in the order in which they were stored.

        Args:
            dead: dead letters if true, else pending events.
            sinks: only events for these sinks.
            ids: only events whose ids begin like one of these.
            limit: the largest number of events; -1: all.
        """
        where, values = _condition(sinks, ids)
        rows = self._rows(f"{_DEAD if dead else _PENDING} WHERE {where} ORDER BY e.seq LIMIT ?", [*values, limit])
        return [Entry(dead, *row) for row in rows]

    def requeue(self, sinks: Sequence[str] = (), ids: Sequence[str] = ()) -> int:
        """
        Queue dead letters again, and make delayed events due at once. Return the number of affected events.

        The age of a requeued event counts from now. Otherwise it would expire again at once.
        """
        where, values = _condition(sinks, ids)
        with self._transaction() as connection:
            dead = connection.execute(_select_rows("dead_letters", where), values).fetchall()
            connection.executemany(_DELETE_DEAD, dead)
            connection.executemany(_QUEUE, [(sink, self._wall_ns(), seq) for sink, seq in dead])
            at_once = connection.execute(
                "UPDATE outbox SET retry_at_s = 0 WHERE retry_at_s > 0"  # noqa: S608 (no user input)
                f" AND (sink, seq) IN ({_select_rows('outbox', where)})",
                values,
            ).rowcount
        return len(dead) + at_once

    def purge(self, *, dead: bool, sinks: Sequence[str] = (), ids: Sequence[str] = ()) -> int:
        """
        Delete dead letters, or pending events. The events stay in the history. Return how many deliveries were deleted.
        """
        where, values = _condition(sinks, ids)
        table = "dead_letters" if dead else "outbox"
        statement = f"DELETE FROM {table} WHERE (sink, seq) IN ({_select_rows(table, where)})"  # noqa: S608 (no user input)
        with self._transaction() as connection:
            return connection.execute(statement, values).rowcount

    def _rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._guarded():
            return self._connection.execute(statement, values).fetchall()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._guarded(), transaction(self._connection):
            yield self._connection

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            with as_store_errors(self._path):
                yield
        except StoreCorruptError as error:
            if not lock_of(self._path).exists():
                raise StoreForeignError(self._path) from error
            raise


def _select_rows(table: str, where: str) -> str:
    return f"SELECT l.sink, l.seq FROM {table} AS l JOIN events AS e ON e.seq = l.seq WHERE {where}"  # noqa: S608 (no user input)


def _condition(sinks: Sequence[str], ids: Sequence[str]) -> tuple[str, list[str]]:
    """
    Return a condition on `l.sink` and `e.id`, and its values.
    """
    conditions = []
    if sinks:
        conditions.append(f"l.sink IN ({', '.join('?' * len(sinks))})")
    if ids:
        conditions.append(f"({' OR '.join(['substr(e.id, 1, length(?)) = ?'] * len(ids))})")
    return " AND ".join(conditions) or "1", [*sinks, *(part for each in ids for part in (each, each))]

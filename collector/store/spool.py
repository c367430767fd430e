"""
What waits and what was put aside, for `exit137 spool`: looks into the store beside a running agent, and mends it.

SQLite keeps the two writers apart; the agent notices within seconds that something was changed.
"""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from collector.store.database import MIGRATIONS, as_store_errors, check_readable, check_schema, lock_of
from collector.store.errors import StoreCorruptError, StoreForeignError

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
_WAITING: Final = _ENTRIES.format(table="outbox")
_DEAD: Final = _ENTRIES.format(table="dead_letters")
_DELETE_DEAD: Final = "DELETE FROM dead_letters WHERE sink = ? AND seq = ?"
_QUEUE: Final = (
    "INSERT OR IGNORE INTO outbox (sink, seq, key, queued_ns) SELECT ?1, seq, key, ?2 FROM events WHERE seq = ?3"
)


@dataclass(frozen=True, slots=True)
class SinkBacklog:
    """
    What one sink has yet to take, and what it will never take.

    Attributes:
        oldest_ns: when the oldest that waits was stored; None: nothing waits.
        attempts: how often the one that was tried most was tried.
        retry_at_s: when the last delay ends, seconds since 1970; 0: there is none.
        detail: the words of a failure.
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
    One event and one sink that has not taken it.

    Attributes:
        dead: it was put aside; else it waits.
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
    The store's undelivered part.

    Args:
        path: the database.
        wall_ns: the wall clock.

    Raises:
        StoreError: there is none, or it cannot be used; the class says why.
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
        Per sink what waits and what was put aside; sinks without either are not in it.
        """
        return [SinkBacklog(*row) for row in self._rows(_SUMMARY)]

    def entries(
        self, *, dead: bool, sinks: Sequence[str] = (), ids: Sequence[str] = (), limit: int = -1
    ) -> list[Entry]:
        """
        Events in the order in which they were stored.

        Args:
            dead: those that were put aside; else those that wait.
            sinks: only of these.
            ids: only these events, by how their ids begin.
            limit: how many at the most; -1: all.
        """
        where, values = _chosen(sinks, ids)
        rows = self._rows(f"{_DEAD if dead else _WAITING} WHERE {where} ORDER BY e.seq LIMIT ?", [*values, limit])
        return [Entry(dead, *row) for row in rows]

    def requeue(self, sinks: Sequence[str] = (), ids: Sequence[str] = ()) -> int:
        """
        Have dead letters sent again, and what waits for a retry sent at once; gives how many events that concerns.

        The age at which a sink gives up counts anew, else it would be put aside again at once.
        """
        where, values = _chosen(sinks, ids)
        with self._transaction() as connection:
            dead = connection.execute(_matching("dead_letters", where), values).fetchall()
            connection.executemany(_DELETE_DEAD, dead)
            connection.executemany(_QUEUE, [(sink, self._wall_ns(), seq) for sink, seq in dead])
            at_once = connection.execute(
                "UPDATE outbox SET retry_at_s = 0 WHERE retry_at_s > 0"  # noqa: S608 (our own words)
                f" AND (sink, seq) IN ({_matching('outbox', where)})",
                values,
            ).rowcount
        return len(dead) + at_once

    def purge(self, *, dead: bool, sinks: Sequence[str] = (), ids: Sequence[str] = ()) -> int:
        """
        Give up dead letters, or what waits; the events stay in the history. Gives how many that concerns.
        """
        where, values = _chosen(sinks, ids)
        table = "dead_letters" if dead else "outbox"
        statement = f"DELETE FROM {table} WHERE (sink, seq) IN ({_matching(table, where)})"  # noqa: S608 (our own words)
        with self._transaction() as connection:
            return connection.execute(statement, values).rowcount

    def _rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._guarded():
            return self._connection.execute(statement, values).fetchall()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._guarded():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            with as_store_errors(self._path):
                yield
        except StoreCorruptError as error:
            if not lock_of(self._path).exists():
                raise StoreForeignError(self._path) from error
            raise


def _matching(table: str, where: str) -> str:
    return f"SELECT l.sink, l.seq FROM {table} AS l JOIN events AS e ON e.seq = l.seq WHERE {where}"  # noqa: S608 (our own words)


def _chosen(sinks: Sequence[str], ids: Sequence[str]) -> tuple[str, list[str]]:
    """
    A condition over `l.sink` and `e.id`, and its values.
    """
    conditions = []
    if sinks:
        conditions.append(f"l.sink IN ({', '.join('?' * len(sinks))})")
    if ids:
        conditions.append(f"({' OR '.join(['substr(e.id, 1, length(?)) = ?'] * len(ids))})")
    return " AND ".join(conditions) or "1", [*sinks, *(part for each in ids for part in (each, each))]

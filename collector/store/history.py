"""
The history of events: reads the store, with or without a running agent, and never writes.

A history sees one file. A process that runs for long opens one for each question, because the agent may write its store
anew as another file; opening takes about a millisecond.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Self, Unpack

from collector.store import query
from collector.store.connection import FIELDS_COMPLETE, FIELDS_SINCE, check_schema, migration, pragma
from collector.store.database import check_readable
from collector.store.errors import as_store_errors
from collector.store.fields import fill_fields
from collector.store.filters import EventFilter
from collector.store.records import EventCount, Page, PastEvent


class History:
    """
    A read-only view of the events, on a connection of its own. The thread that opened it uses it.

    Args:
        path: the database.

    Raises:
        StoreUnavailableError: the database does not exist or cannot be read.
        StoreCorruptError: it is damaged; the agent repairs it when it starts.
        StoreForeignError, StoreVersionError: it is not a store, or a later version wrote it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        check_readable(path)
        with as_store_errors(path):
            self._connection = _read_only(path)
            self._is_older = pragma(self._connection, "user_version") < FIELDS_SINCE

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """
        Close the database.
        """
        self._connection.close()

    def events(
        self, *, limit: int = -1, after_seq: int | None = None, **wanted: Unpack[EventFilter]
    ) -> list[PastEvent]:
        """
        Return events in the order in which they were stored.

        Args:
            limit: the largest number of events: the newest, or with `after_seq` the first after it. -1: all.
            after_seq: only events that were stored after this one.
            wanted: which events.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._reading() as connection:
            if after_seq is None:
                return query.newest(connection, wanted, limit)
            return query.after(connection, wanted, after_seq=after_seq, limit=limit)

    def page(self, *, limit: int = 50, before_seq: int | None = None, **wanted: Unpack[EventFilter]) -> Page:
        """
        Return a page of events, newest first, in bounded time; it may be short although there are older ones.

        Args:
            limit: the largest number of events.
            before_seq: `next_before_seq` of the page before; None: begin with the newest.
            wanted: which events.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._reading() as connection:
            return query.page(connection, wanted, before_seq=before_seq, limit=limit)

    def event(self, id_: str) -> PastEvent | None:
        """
        Return the event with this id; None if it is not stored.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._reading() as connection:
            return query.one(connection, id_)

    def last_seq(self) -> int:
        """
        Return the number of the newest event; 0 if there is none.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._reading() as connection:
            return query.last_seq(connection)

    def count_by(self, *by: str, **wanted: Unpack[EventFilter]) -> list[EventCount]:
        """
        Count events by some of `day` (UTC), `type`, `cause` and `service`, in this order.

        Args:
            by: what to count by; nothing: one count of all.
            wanted: which events, by types, causes and service; of the times only the days count.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._reading() as connection:
            return query.counts(connection, by, wanted)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with as_store_errors(self._path):
            if self._is_older:
                fill_fields(self._connection)
            yield self._connection


def _read_only(path: Path) -> sqlite3.Connection:
    """
    Connect to a database that this process may not be allowed to write.

    SQLite needs the -wal file even to read. If it does not exist and this process may not create it, nobody is writing,
    and the file can be read as it is (`immutable`).
    """
    uri = path.absolute().as_uri()
    with contextlib.suppress(sqlite3.OperationalError):
        return _checked_connection(path, f"{uri}?mode=ro")
    if path.with_name(f"{path.name}-wal").exists():
        return _checked_connection(path, f"{uri}?mode=ro")
    return _checked_connection(path, f"{uri}?mode=ro&immutable=1")


def _checked_connection(path: Path, uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    try:
        check_schema(connection, path)
        connection.execute("SELECT 1 FROM events LIMIT 1").fetchall()
        is_older = pragma(connection, "user_version") < FIELDS_SINCE
    except BaseException:
        connection.close()
        raise
    if not is_older:
        return connection
    connection.close()
    return _with_fields(uri)


def _with_fields(uri: str) -> sqlite3.Connection:
    """
    Connect to a database of an older schema, with the fields of its events in memory.
    """
    connection = sqlite3.connect("file::memory:", uri=True, isolation_level=None)
    try:
        connection.execute("ATTACH ? AS stored", (uri,))
        for version in range(FIELDS_SINCE, FIELDS_COMPLETE + 1):
            connection.executescript(migration(version))
    except BaseException:
        connection.close()
        raise
    return connection

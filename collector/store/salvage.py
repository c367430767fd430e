"""
Copies what is readable from a damaged database into a new one.

A damaged page destroys the rows on it, not the whole table. So a range that cannot be read is halved again and again,
until only the damaged rows are left out.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from collector.store.fields import fill_fields
from collector.store.transaction import transaction

_EVENTS: Final = "SELECT seq, id, type, subject, key, container_id, time_ns, stored_ns, body FROM events WHERE"
_DEAD: Final = "SELECT seq, sink, attempts, reason, detail, died_ns FROM dead_letters WHERE"
# A pending row is in the file twice: in the table, ordered by sink, and in its index, ordered by event.
_PENDING_BY_EVENT: Final = "SELECT seq, sink FROM outbox INDEXED BY outbox_event WHERE"
_PENDING_BY_SINK: Final = "SELECT seq, sink FROM outbox WHERE sink = ? AND"
_PUT_EVENT: Final = (
    "INSERT OR IGNORE INTO events (seq, id, type, subject, key, container_id, time_ns, stored_ns, body)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_PUT_PENDING: Final = "INSERT OR IGNORE INTO outbox (seq, sink, key) SELECT ?1, ?2, key FROM events WHERE seq = ?1"
_PUT_DEAD: Final = (
    "INSERT OR IGNORE INTO dead_letters (seq, sink, attempts, reason, detail, died_ns)"
    " SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE EXISTS (SELECT 1 FROM events WHERE seq = ?1)"
)


@dataclass(frozen=True, slots=True)
class Salvaged:
    """
    What was recovered from a damaged store.

    Attributes:
        moved_to: where the damaged store is now.
        events: the number of recovered events.
        pending: the number of their pending deliveries.
        complete: nothing was missing.
    """

    moved_to: Path
    events: int
    pending: int
    complete: bool

    def __str__(self) -> str:
        loss = "nothing is missing" if self.complete else "the rest could not be read"
        return f"moved to {self.moved_to}; recovered {self.events} events, {self.pending} pending deliveries; {loss}"


class _Reader:
    """
    Reads the readable rows of one table of a damaged database.

    Args:
        connection: to the damaged database.
        select: a SELECT statement that ends where a condition on `seq` follows.
        values: the parameters of the statement.

    Attributes:
        complete: everything was readable so far.
    """

    def __init__(self, connection: sqlite3.Connection, select: str, *values: str) -> None:
        self._connection = connection
        self._select = select
        self._values = values
        self.complete = True

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """
        Yield the readable rows, without events whose bodies are not JSON.
        """
        for row in self._between(0, self._last_seq()):
            if self._select != _EVENTS or _is_json(row[-1]):
                yield row
            else:
                self.complete = False

    def _between(self, first: int, last: int) -> Iterator[tuple[Any, ...]]:
        statement = f"{self._select} seq BETWEEN ? AND ?"
        try:
            found = self._connection.execute(statement, (*self._values, first, last)).fetchall()
        except sqlite3.Error:
            self.complete = False
            if first < last:
                middle = (first + last) // 2
                yield from self._between(first, middle)
                yield from self._between(middle + 1, last)
        else:
            yield from found

    def _last_seq(self) -> int:
        """
        Return the highest `seq`: from the table, or, if that is damaged, from SQLite's own bookkeeping.
        """
        for statement in (
            "SELECT max(seq) FROM events",
            "SELECT seq FROM sqlite_sequence WHERE name = 'events'",
            "SELECT max(seq) FROM outbox",
        ):
            with contextlib.suppress(sqlite3.Error):
                row = self._connection.execute(statement).fetchone()
                if row is not None and row[0] is not None:
                    return int(row[0])
        self.complete = False
        return 0


def _is_json(body: bytes) -> bool:
    """
    Check a body: a page that can be read may still contain other bytes than were written.
    """
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True


def salvage(damaged: Path, into: sqlite3.Connection) -> Salvaged:
    """
    Copy what is readable of a damaged database, which is not changed.

    Args:
        damaged: the damaged database.
        into: the new database, empty and in autocommit mode.

    Raises:
        sqlite3.Error: the new database cannot be written.
    """
    uri = f"{damaged.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection, transaction(into):
        complete = copy_readable(connection, into)
    events, pending = _row_count(into, "events"), _row_count(into, "outbox")
    return Salvaged(moved_to=damaged, events=events, pending=pending, complete=complete)


def copy_readable(damaged: sqlite3.Connection, into: sqlite3.Connection) -> bool:
    """
    Copy the readable events, outbox rows and dead letters. Return whether everything was readable.

    Positions are copied only if nothing is missing. Without positions the sources read again what they still have, and
    lost events come back with the same ids.

    Args:
        damaged: a connection to the damaged database.
        into: the new database, empty and in a transaction.

    Raises:
        sqlite3.Error: the new database cannot be written.
    """
    complete = _copy_all(damaged, into)
    if complete:
        _copy_positions(damaged, into)
    return complete


def finished_salvage(connection: sqlite3.Connection, moved_to: Path) -> Salvaged:
    """
    Return the result of a salvage that was complete when a crash interrupted it.

    Positions were copied only if nothing was missing.
    """
    events, pending, positions = (_row_count(connection, table) for table in ("events", "outbox", "positions"))
    return Salvaged(moved_to=moved_to, events=events, pending=pending, complete=positions > 0)


def _copy_all(damaged: sqlite3.Connection, into: sqlite3.Connection) -> bool:
    """
    Copy the readable rows. Return whether everything was readable.
    """
    events = _copy(_Reader(damaged, _EVENTS), _PUT_EVENT, into)
    fill_fields(into)
    pending = _copy(_Reader(damaged, _PENDING_BY_EVENT), _PUT_PENDING, into)
    if not pending:
        pending = _copy_by_sink(damaged, into)
    dead = _copy(_Reader(damaged, _DEAD), _PUT_DEAD, into)
    return events and pending and dead


def _copy_by_sink(damaged: sqlite3.Connection, into: sqlite3.Connection) -> bool:
    """
    Copy pending rows from the table instead of the index, for every sink that can be found.
    """
    statement = "SELECT DISTINCT sink FROM outbox"
    sinks, all_found = {sink for (sink,) in into.execute(statement)}, False
    with contextlib.suppress(sqlite3.Error):
        sinks |= {sink for (sink,) in damaged.execute(statement)}
        all_found = True
    copied = [_copy(_Reader(damaged, _PENDING_BY_SINK, sink), _PUT_PENDING, into) for sink in sorted(sinks)]
    return all_found and all(copied)


def _copy(reader: _Reader, put: str, into: sqlite3.Connection) -> bool:
    into.executemany(put, reader.rows())
    return reader.complete


def _row_count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 (no user input)


def _copy_positions(damaged: sqlite3.Connection, into: sqlite3.Connection) -> None:
    with contextlib.suppress(sqlite3.Error):
        rows = damaged.execute("SELECT source, position FROM positions").fetchall()
        into.executemany("INSERT OR REPLACE INTO positions VALUES (?, ?)", rows)

"""
Takes out of a damaged database what can still be read, and puts it into the new one.

A damaged page spoils the rows on it, not the table: a range that cannot be read is halved until what is lost is alone.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

_EVENTS: Final = "SELECT seq, id, type, subject, key, container_id, time_ns, stored_ns, body FROM events WHERE"
_DEAD: Final = "SELECT seq, sink, attempts, reason, detail, died_ns FROM dead_letters WHERE"
# What waits is in the file twice: in the table, by sink, and in its index, by event.
_WAITING_BY_EVENT: Final = "SELECT seq, sink FROM outbox INDEXED BY outbox_event WHERE"
_WAITING_BY_SINK: Final = "SELECT seq, sink FROM outbox WHERE sink = ? AND"
_PUT_EVENT: Final = (
    "INSERT OR IGNORE INTO events (seq, id, type, subject, key, container_id, time_ns, stored_ns, body)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_PUT_WAITING: Final = "INSERT OR IGNORE INTO outbox (seq, sink, key) SELECT ?1, ?2, key FROM events WHERE seq = ?1"
_PUT_DEAD: Final = (
    "INSERT OR IGNORE INTO dead_letters (seq, sink, attempts, reason, detail, died_ns)"
    " SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE EXISTS (SELECT 1 FROM events WHERE seq = ?1)"
)


@dataclass(frozen=True, slots=True)
class Salvaged:
    """
    What became of a damaged store.

    Attributes:
        set_aside: where it is now.
        events: how many events were read from it.
        waiting: how many deliveries of those are still to be made.
        whole: nothing was found missing.
    """

    set_aside: Path
    events: int
    waiting: int
    whole: bool

    def __str__(self) -> str:
        loss = "nothing of it is missing" if self.whole else "the rest could not be read"
        return f"moved to {self.set_aside}; {self.events} events kept, {self.waiting} deliveries of them due; {loss}"


class _Reader:
    """
    Reads a table as far as a damaged database can be read.

    Args:
        connection: to the damaged database.
        select: up to a condition on `seq`.
        values: for its parameters.

    Attributes:
        whole: nothing was unreadable so far.
    """

    def __init__(self, connection: sqlite3.Connection, select: str, *values: str) -> None:
        self._connection = connection
        self._select = select
        self._values = values
        self.whole = True

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """
        The rows, but no events whose bodies are not what was written.
        """
        for row in self._between(0, self._last_seq()):
            if self._select != _EVENTS or _is_json(row[-1]):
                yield row
            else:
                self.whole = False

    def _between(self, first: int, last: int) -> Iterator[tuple[Any, ...]]:
        statement = f"{self._select} seq BETWEEN ? AND ?"
        try:
            found = self._connection.execute(statement, (*self._values, first, last)).fetchall()
        except sqlite3.Error:
            self.whole = False
            if first < last:
                middle = (first + last) // 2
                yield from self._between(first, middle)
                yield from self._between(middle + 1, last)
        else:
            yield from found

    def _last_seq(self) -> int:
        """
        The highest number: from the table itself, or, where that way is damaged, from what SQLite noted of it.
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
        self.whole = False
        return 0


def _is_json(body: bytes) -> bool:
    """
    A page that can be read may still hold other bytes than were written.
    """
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True


def salvage(damaged: Path, into: sqlite3.Connection) -> Salvaged:
    """
    Copy what can be read of events, of what waits for sinks and of dead letters; the damaged file stays as it is.

    Positions are copied only when nothing is missing: without them the sources read again what they still have, which
    brings back lost events under their own ids.

    Args:
        damaged: the database.
        into: the new one, empty, in autocommit mode.

    Raises:
        sqlite3.Error: the new database cannot be written.
    """
    uri = f"{damaged.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
        into.execute("BEGIN IMMEDIATE")
        try:
            whole = _copy_all(connection, into)
            if whole:
                _copy_positions(connection, into)
            into.execute("COMMIT")
        finally:
            if into.in_transaction:
                into.execute("ROLLBACK")
    events, waiting = _counted(into, "events"), _counted(into, "outbox")
    return Salvaged(set_aside=damaged, events=events, waiting=waiting, whole=whole)


def taken_over(connection: sqlite3.Connection, set_aside: Path) -> Salvaged:
    """
    What a salvage gave that a crash kept from being told; that it kept positions shows that nothing was missing.
    """
    events, waiting, positions = (_counted(connection, table) for table in ("events", "outbox", "positions"))
    return Salvaged(set_aside=set_aside, events=events, waiting=waiting, whole=positions > 0)


def _copy_all(damaged: sqlite3.Connection, into: sqlite3.Connection) -> bool:
    """
    Copy what can be read; gives whether that was all.
    """
    events = _copy(_Reader(damaged, _EVENTS), _PUT_EVENT, into)
    waiting = _copy(_Reader(damaged, _WAITING_BY_EVENT), _PUT_WAITING, into)
    if not waiting:
        waiting = _copy_by_sink(damaged, into)
    dead = _copy(_Reader(damaged, _DEAD), _PUT_DEAD, into)
    return events and waiting and dead


def _copy_by_sink(damaged: sqlite3.Connection, into: sqlite3.Connection) -> bool:
    """
    Copy what waits the other way, for all sinks that can be found.
    """
    statement = "SELECT DISTINCT sink FROM outbox"
    sinks, all_found = {sink for (sink,) in into.execute(statement)}, False
    with contextlib.suppress(sqlite3.Error):
        sinks |= {sink for (sink,) in damaged.execute(statement)}
        all_found = True
    wholes = [_copy(_Reader(damaged, _WAITING_BY_SINK, sink), _PUT_WAITING, into) for sink in sorted(sinks)]
    return all_found and all(wholes)


def _copy(reader: _Reader, put: str, into: sqlite3.Connection) -> bool:
    into.executemany(put, reader.rows())
    return reader.whole


def _counted(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 (our own words)


def _copy_positions(damaged: sqlite3.Connection, into: sqlite3.Connection) -> None:
    with contextlib.suppress(sqlite3.Error):
        rows = damaged.execute("SELECT source, position FROM positions").fetchall()
        into.executemany("INSERT OR REPLACE INTO positions VALUES (?, ?)", rows)

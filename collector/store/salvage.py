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

_EVENTS: Final = "SELECT seq, id, type, subject, key, container_id, time_ns, stored_ns, body FROM events"
_OUTBOX: Final = "SELECT seq, sink, key FROM outbox"
_DEAD: Final = "SELECT seq, sink, attempts, reason, detail, died_ns FROM dead_letters"
_OF_KNOWN_EVENT: Final = "WHERE EXISTS (SELECT 1 FROM events WHERE seq = ?1)"
_PUT: Final = {
    _EVENTS: "INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    _OUTBOX: f"INSERT OR IGNORE INTO outbox (seq, sink, key) SELECT ?1, ?2, ?3 {_OF_KNOWN_EVENT}",
    _DEAD: "INSERT OR IGNORE INTO dead_letters (seq, sink, attempts, reason, detail, died_ns)"
    f" SELECT ?1, ?2, ?3, ?4, ?5, ?6 {_OF_KNOWN_EVENT}",
}


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
    Reads as far as a damaged database can be read.

    Attributes:
        whole: nothing was unreadable so far.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.whole = True

    def rows(self, select: str) -> Iterator[tuple[Any, ...]]:
        """
        The rows of a table that has a column `seq`.
        """
        for row in self._between(select, 0, self._last_seq()):
            if select != _EVENTS or _is_json(row[-1]):
                yield row
            else:
                self.whole = False

    def _between(self, select: str, first: int, last: int) -> Iterator[tuple[Any, ...]]:
        try:
            found = self._connection.execute(f"{select} WHERE seq BETWEEN ? AND ?", (first, last)).fetchall()
        except sqlite3.Error:
            self.whole = False
            if first < last:
                middle = (first + last) // 2
                yield from self._between(select, first, middle)
                yield from self._between(select, middle + 1, last)
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
        reader = _Reader(connection)
        into.execute("BEGIN IMMEDIATE")
        try:
            events, waiting, _ = (_copy(reader, select, into) for select in _PUT)
            if reader.whole:
                _copy_positions(connection, into)
            into.execute("COMMIT")
        finally:
            if into.in_transaction:
                into.execute("ROLLBACK")
    return Salvaged(set_aside=damaged, events=events, waiting=waiting, whole=reader.whole)


def taken_over(connection: sqlite3.Connection, set_aside: Path) -> Salvaged:
    """
    What a salvage gave that a crash kept from being told; that it kept positions shows that nothing was missing.
    """
    tables = ("events", "outbox", "positions")
    events, waiting, positions = (
        int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 (our own words)
        for table in tables
    )
    return Salvaged(set_aside=set_aside, events=events, waiting=waiting, whole=positions > 0)


def _copy(reader: _Reader, select: str, into: sqlite3.Connection) -> int:
    return into.executemany(_PUT[select], reader.rows(select)).rowcount


def _copy_positions(damaged: sqlite3.Connection, into: sqlite3.Connection) -> None:
    with contextlib.suppress(sqlite3.Error):
        rows = damaged.execute("SELECT source, position FROM positions").fetchall()
        into.executemany("INSERT OR REPLACE INTO positions VALUES (?, ?)", rows)

"""
Keeps the store within its size and its age. Runs inside a transaction of its caller.

What was delivered goes first, the oldest before the newer, then what was put aside as undeliverable. What a sink has
yet to take goes only when the caller says so, and then every loss is named.
"""

import sqlite3
from typing import Final

from collector.store.records import Dropped

_SHARE_KEPT: Final = 0.95  # trim a little more than needed, so that not every commit has to
_SHARE_KEPT_OF_UNDELIVERED: Final = 0.99
_AT_ONCE: Final = 200
_FEW: Final = 20

_SETTLED: Final = "NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.seq = events.seq)"
_NOT_DEAD: Final = "NOT EXISTS (SELECT 1 FROM dead_letters WHERE dead_letters.seq = events.seq)"


def trim(connection: sqlite3.Connection, max_bytes: int) -> bool:
    """
    Make room if the store is larger than it may be; False: it still is.
    """
    if used_bytes(connection) <= max_bytes:
        return True
    for condition in (f"{_SETTLED} AND {_NOT_DEAD}", _SETTLED):
        while used_bytes(connection) > max_bytes * _SHARE_KEPT:
            if not _delete_oldest(connection, condition):
                break
    return used_bytes(connection) <= max_bytes


def drop_undelivered(connection: sqlite3.Connection, max_bytes: int) -> list[Dropped]:
    """
    Make room with what sinks have yet to take, oldest first; gives per sink what was lost.
    """
    lost: dict[str, Dropped] = {}
    while used_bytes(connection) > max_bytes * _SHARE_KEPT_OF_UNDELIVERED:
        oldest = connection.execute("SELECT seq FROM events ORDER BY seq LIMIT ?", (_FEW,)).fetchall()
        if not oldest:
            break
        last = oldest[-1][0]
        for row in connection.execute(
            "SELECT o.sink, count(*), min(e.stored_ns), max(e.stored_ns)"
            " FROM outbox AS o JOIN events AS e ON e.seq = o.seq WHERE o.seq <= ? GROUP BY o.sink",
            (last,),
        ):
            lost[row[0]] = _joined(lost.get(row[0]), Dropped(*row))
        connection.execute("DELETE FROM outbox WHERE seq <= ?", (last,))
        connection.execute("DELETE FROM events WHERE seq <= ?", (last,))
    return list(lost.values())


def forget(connection: sqlite3.Connection, before_ns: int) -> int:
    """
    Delete what was stored before a time and waits for no sink; gives how many events that were.
    """
    return connection.execute(f"DELETE FROM events WHERE stored_ns < ? AND {_SETTLED}", (before_ns,)).rowcount  # noqa: S608 (our own words)


def used_bytes(connection: sqlite3.Connection) -> int:
    """
    The size of what is stored, free pages not counted.
    """
    pages, free, page_bytes = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * page_bytes


def _delete_oldest(connection: sqlite3.Connection, condition: str) -> int:
    oldest = f"SELECT seq FROM events WHERE {condition} ORDER BY seq LIMIT {_AT_ONCE}"  # noqa: S608 (our own words)
    return connection.execute(f"DELETE FROM events WHERE seq IN ({oldest})").rowcount  # noqa: S608


def _joined(before: Dropped | None, more: Dropped) -> Dropped:
    if before is None:
        return more
    return Dropped(
        sink=more.sink,
        count=before.count + more.count,
        since_ns=min(before.since_ns, more.since_ns),
        until_ns=max(before.until_ns, more.until_ns),
    )

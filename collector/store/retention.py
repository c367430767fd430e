"""
Keeps the store within its size: the oldest events that nobody waits for go first. Runs inside a transaction.

What was delivered goes before what was put aside as undeliverable; what a sink has yet to take never goes.
"""

import sqlite3
from typing import Final

_SHARE_KEPT: Final = 0.95  # trim a little more than needed, so that not every commit has to
_AT_ONCE: Final = 200

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

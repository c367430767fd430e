"""
Keeps the store within its size and age limits. Every function runs inside a transaction of its caller.

Delivered events are deleted first, the oldest before the newer, then dead letters. Pending events are deleted only if
the caller asks for it, and every loss is returned.
"""

import sqlite3
from typing import Final

from collector.store.records import Dropped

_SHARE_KEPT: Final = 0.95  # trim a little more than needed, so that not every commit has to trim
_SHARE_KEPT_OF_UNDELIVERED: Final = 0.99  # less than above, because each of these events is a loss
_DELETE_OLD_EVERY_NS: Final = 3_600_000_000_000
# A status is of use until the next ones have come; a fleet sends hundreds a minute.
_SHORT_LIVED: Final = "exit137.host_status"
_KEEP_SHORT_LIVED_NS: Final = 7_200_000_000_000
_TRIMMED_AT_ONCE: Final = 200
_DROPPED_AT_ONCE: Final = 20

_NOT_PENDING: Final = "NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.seq = events.seq)"
_NOT_DEAD: Final = "NOT EXISTS (SELECT 1 FROM dead_letters WHERE dead_letters.seq = events.seq)"


def trim(connection: sqlite3.Connection, max_bytes: int) -> bool:
    """
    Delete delivered events and dead letters if the store is too large. Return whether it is now small enough.
    """
    if used_bytes(connection) <= max_bytes:
        return True
    for condition in (f"{_NOT_PENDING} AND {_NOT_DEAD}", _NOT_PENDING):
        while used_bytes(connection) > max_bytes * _SHARE_KEPT:
            if not _delete_oldest(connection, condition):
                break
    return used_bytes(connection) <= max_bytes


def drop_undelivered(connection: sqlite3.Connection, max_bytes: int) -> list[Dropped]:
    """
    Delete the oldest pending events until the store is small enough. Return the loss of each sink.
    """
    lost: dict[str, Dropped] = {}
    while used_bytes(connection) > max_bytes * _SHARE_KEPT_OF_UNDELIVERED:
        oldest = connection.execute("SELECT seq FROM events ORDER BY seq LIMIT ?", (_DROPPED_AT_ONCE,)).fetchall()
        if not oldest:
            break
        last = oldest[-1][0]
        for row in connection.execute(
            "SELECT o.sink, count(*), min(e.stored_ns), max(e.stored_ns)"
            " FROM outbox AS o JOIN events AS e ON e.seq = o.seq WHERE o.seq <= ? GROUP BY o.sink",
            (last,),
        ):
            lost[row[0]] = _sum(lost.get(row[0]), Dropped(*row))
        connection.execute("DELETE FROM outbox WHERE seq <= ?", (last,))
        connection.execute("DELETE FROM events WHERE seq <= ?", (last,))
    return list(lost.values())


def delete_old(connection: sqlite3.Connection, before_ns: int) -> int:
    """
    Delete the events that were stored before a time and are not pending. Return how many.
    """
    return connection.execute(f"DELETE FROM events WHERE stored_ns < ? AND {_NOT_PENDING}", (before_ns,)).rowcount  # noqa: S608 (no user input)


def delete_short_lived(connection: sqlite3.Connection, before_ns: int) -> int:
    """
    Delete the statuses of hosts that were stored before a time and are not pending. Return how many.
    """
    old = f"DELETE FROM events WHERE type = ? AND stored_ns < ? AND {_NOT_PENDING}"  # noqa: S608 (no user input)
    return connection.execute(old, (_SHORT_LIVED, before_ns)).rowcount


class AgeLimit:
    """
    Deletes events that are older than the history may be, once an hour: the limit is a number of days, and of hours for
    the statuses of hosts.

    Args:
        keep_ns: how long events are kept.
    """

    def __init__(self, keep_ns: int) -> None:
        self._keep_ns = keep_ns
        self._due_ns = 0

    def apply(self, connection: sqlite3.Connection, now_ns: int) -> None:
        """
        Delete what is too old, if it is time.
        """
        if self._due_ns <= now_ns:
            delete_old(connection, now_ns - self._keep_ns)
            delete_short_lived(connection, now_ns - _KEEP_SHORT_LIVED_NS)
            self._due_ns = now_ns + _DELETE_OLD_EVERY_NS


def used_bytes(connection: sqlite3.Connection) -> int:
    """
    Return the size of the stored data, without free pages.
    """
    pages, free, page_bytes = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * page_bytes


def _delete_oldest(connection: sqlite3.Connection, condition: str) -> int:
    oldest = f"SELECT seq FROM events WHERE {condition} ORDER BY seq LIMIT {_TRIMMED_AT_ONCE}"  # noqa: S608 (no user input)
    return connection.execute(f"DELETE FROM events WHERE seq IN ({oldest})").rowcount  # noqa: S608


def _sum(before: Dropped | None, more: Dropped) -> Dropped:
    if before is None:
        return more
    return Dropped(
        sink=more.sink,
        count=before.count + more.count,
        since_ns=min(before.since_ns, more.since_ns),
        until_ns=max(before.until_ns, more.until_ns),
    )

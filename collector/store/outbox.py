"""
The outbox: one row per event and sink until the event is delivered. Every function runs inside a transaction of its
caller.

Order: an event is not returned as pending while an earlier one with the same key waits for its retry.
"""

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import Final

import orjson

from collector.store.records import NotificationLog, PendingEvent, PendingGroup
from sinks.base import Outgoing

# No retry is set further ahead. One that lies further ahead was set before the clock was set back, and is due now.
LONGEST_RETRY_S: Final = 3600.0

# Events of schema version 2 have no group; each type and key then counts as a group of its own.
_GROUP: Final = "coalesce(e.grouped, e.type || ' ' || o.key)"
# The index holds only delayed rows. Without INDEXED BY, SQLite's planner would scan all pending rows for each row.
_READY: Final = """
    FROM outbox AS o JOIN events AS e ON e.seq = o.seq
    WHERE o.sink = :sink
      AND NOT (o.retry_at_s > :now_s AND o.retry_at_s <= :now_s + :longest_s)
      AND NOT EXISTS (
        SELECT 1 FROM outbox AS earlier INDEXED BY outbox_delayed
        WHERE earlier.sink = o.sink AND earlier.key = o.key AND earlier.seq < o.seq AND earlier.retry_at_s > 0
          AND earlier.retry_at_s > :now_s AND earlier.retry_at_s <= :now_s + :longest_s
      )
"""
_PENDING: Final = f"SELECT e.id, e.type, o.key, e.body, {_GROUP}, o.attempts {_READY}"
_IN_GROUPS: Final = f"AND {_GROUP} IN (SELECT value FROM json_each(:groups))"  # noqa: S608 (no user input)
_PENDING_GROUPS: Final = f"SELECT {_GROUP}, min(e.stored_ns) {_READY} GROUP BY 1 ORDER BY min(o.seq)"
_EXPIRED: Final = """
    INSERT OR REPLACE INTO dead_letters (sink, seq, attempts, reason, detail, died_ns)
    SELECT o.sink, o.seq, o.attempts, :reason, coalesce('last failure: ' || o.detail, 'never tried'), :died_ns
    FROM outbox AS o JOIN events AS e ON e.seq = o.seq
    WHERE o.sink = :sink AND coalesce(o.queued_ns, e.stored_ns) < :before_ns
"""
_NS: Final = 1_000_000_000
_OF_EVENT: Final = "WHERE sink = ? AND seq = (SELECT seq FROM events WHERE id = ?)"


def depths(connection: sqlite3.Connection) -> dict[str, int]:
    """
    Count the pending events of each sink.
    """
    return dict(connection.execute("SELECT sink, count(*) FROM outbox GROUP BY sink"))


def pending_ids(connection: sqlite3.Connection, sink: str) -> frozenset[str]:
    """
    Return the ids of a sink's pending events.
    """
    statement = "SELECT e.id FROM outbox AS o JOIN events AS e ON e.seq = o.seq WHERE o.sink = ?"
    return frozenset(id_ for (id_,) in connection.execute(statement, (sink,)))


def pending(
    connection: sqlite3.Connection, sink: str, limit: int, now_s: float, groups: Collection[str] | None
) -> list[PendingEvent]:
    """
    Return the events that may be sent to a sink now, in order: those of some groups, or of all groups (None).
    """
    wanted = {"groups": orjson.dumps(list(groups)).decode()} if groups is not None else {}
    rows = connection.execute(
        f"{_PENDING} {_IN_GROUPS if groups is not None else ''} ORDER BY o.seq LIMIT :limit",
        {"sink": sink, "limit": limit, "now_s": now_s, "longest_s": LONGEST_RETRY_S, **wanted},
    )
    return [
        PendingEvent(
            outgoing=Outgoing(id=id_, type=type_, key=key, body=body, group=group),
            attempts=attempts,
        )
        for id_, type_, key, body, group, attempts in rows
    ]


def pending_groups(connection: sqlite3.Connection, sink: str, now_s: float) -> list[PendingGroup]:
    """
    Return the groups of the events that may be sent to a sink now, ordered by their first events.
    """
    rows = connection.execute(_PENDING_GROUPS, {"sink": sink, "now_s": now_s, "longest_s": LONGEST_RETRY_S})
    return [PendingGroup(name=name, since_s=since_ns / _NS) for name, since_ns in rows]


def counts(connection: sqlite3.Connection, groups: Iterable[str], since_ns: int) -> dict[str, int]:
    """
    Count the events of each group since a time, delivered or not.
    """
    statement = "SELECT count(*) FROM events WHERE grouped = ? AND time_ns >= ?"
    return {group: int(connection.execute(statement, (group, since_ns)).fetchone()[0]) for group in groups}


def next_retry_s(connection: sqlite3.Connection, sink: str) -> float | None:
    """
    Return the time of a sink's next retry, seconds since 1970; None if no event waits for a retry.
    """
    row = connection.execute(
        "SELECT min(retry_at_s) FROM outbox INDEXED BY outbox_delayed WHERE sink = ? AND retry_at_s > 0",
        (sink,),
    )
    due: float | None = row.fetchone()[0]
    return due


def add(connection: sqlite3.Connection, seq: int, key: str, sinks: Sequence[str]) -> None:
    """
    Queue an event for these sinks.
    """
    connection.executemany("INSERT INTO outbox (sink, seq, key) VALUES (?, ?, ?)", [(sink, seq, key) for sink in sinks])


def remove(connection: sqlite3.Connection, sink: str, ids: Iterable[str]) -> int:
    """
    Delete delivered events from a sink's queue. Return how many of them were in it.
    """
    return connection.executemany(f"DELETE FROM outbox {_OF_EVENT}", [(sink, id_) for id_ in ids]).rowcount  # noqa: S608 (no user input)


def delay(
    connection: sqlite3.Connection,
    sink: str,
    *,
    ids: Iterable[str],
    retry_at_s: float,
    reason: str,
    detail: str,
) -> None:
    """
    Delay events after a failed attempt. No event with the same key is pending before `retry_at_s` (0: at once).
    """
    connection.executemany(
        f"UPDATE outbox SET attempts = attempts + 1, retry_at_s = ?, reason = ?, detail = ? {_OF_EVENT}",  # noqa: S608 (no user input)
        [(retry_at_s, reason, detail, sink, id_) for id_ in ids],
    )


def dead_letter(connection: sqlite3.Connection, sink: str, *, id_: str, reason: str, detail: str, died_ns: int) -> int:
    """
    Move an event from a sink's queue to the dead letters. Return 1, or 0 if it was not in the queue.
    """
    connection.execute(
        "INSERT INTO dead_letters (sink, seq, attempts, reason, detail, died_ns)"  # noqa: S608 (no user input)
        f" SELECT sink, seq, attempts + 1, ?, ?, ? FROM outbox {_OF_EVENT}",
        (reason, detail, died_ns, sink, id_),
    )
    return remove(connection, sink, [id_])


def expire(connection: sqlite3.Connection, sink: str, *, before_ns: int, reason: str, died_ns: int) -> int:
    """
    Dead-letter the events that wait for a sink since before a time. Return how many.
    """
    connection.execute(_EXPIRED, {"sink": sink, "before_ns": before_ns, "reason": reason, "died_ns": died_ns})
    return connection.execute(
        "DELETE FROM outbox WHERE sink = ?1 AND EXISTS"
        " (SELECT 1 FROM dead_letters AS d WHERE d.sink = outbox.sink AND d.seq = outbox.seq)",
        (sink,),
    ).rowcount


def last_notified_s(connection: sqlite3.Connection, sink: str) -> dict[str, float]:
    """
    Return when people were last notified about each group through a sink, seconds since 1970.
    """
    return dict(connection.execute("SELECT grouped, told_s FROM told WHERE sink = ?", (sink,)))


def record_notifications(connection: sqlite3.Connection, sink: str, notified: NotificationLog) -> None:
    """
    Store when people were notified about these groups, and delete times that no longer matter.
    """
    connection.executemany(
        "INSERT INTO told (sink, grouped, told_s) VALUES (?, ?, ?)"
        " ON CONFLICT (sink, grouped) DO UPDATE SET told_s = excluded.told_s",
        [(sink, group, notified_s) for group, notified_s in notified.groups.items()],
    )
    connection.execute("DELETE FROM told WHERE sink = ? AND told_s < ?", (sink, notified.forget_before_s))

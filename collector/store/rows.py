"""
The rows of events and positions. Every function runs inside a transaction of its caller.
"""

import sqlite3
from collections.abc import Mapping
from typing import Any, Final

import orjson

from collector.store import outbox
from collector.store.fields import add_fields
from collector.store.records import Position, StoredEvent

_INSERT: Final = """
    INSERT INTO events (id, type, subject, key, container_id, time_ns, stored_ns, body, grouped)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
"""
_SAVE_POSITION: Final = """
    INSERT INTO positions (source, position) VALUES (?, ?)
    ON CONFLICT (source) DO UPDATE SET position = excluded.position
"""


def insert(connection: sqlite3.Connection, event: StoredEvent, now_ns: int) -> bool:
    """
    Store one event and queue it for its sinks. Return False if its id is already stored.

    Args:
        connection: to the database.
        event: what to store.
        now_ns: the wall clock.
    """
    time_ns = now_ns if event.time_ns is None else event.time_ns
    what = (event.id, event.type, event.subject, event.key, event.container_id)
    cursor = connection.execute(_INSERT, (*what, time_ns, now_ns, event.body, event.group))
    if not cursor.rowcount or cursor.lastrowid is None:
        return False
    add_fields(connection, (cursor.lastrowid, time_ns, event.type, event.container_id, event.body))
    outbox.add(connection, cursor.lastrowid, event.key, event.sinks)
    return True


def save_positions(connection: sqlite3.Connection, positions: Mapping[str, Position]) -> None:
    """
    Replace the positions of these sources.
    """
    rows = [(source, orjson.dumps(position).decode()) for source, position in positions.items()]
    connection.executemany(_SAVE_POSITION, rows)


def load_positions(connection: sqlite3.Connection) -> dict[str, dict[str, Any]]:
    """
    Return the stored position of each source.
    """
    rows = connection.execute("SELECT source, position FROM positions")
    return {source: orjson.loads(position) for source, position in rows}

"""
The fields by which stored events are found, read once from each body and kept in small rows.

Every function runs inside a transaction of its caller.
"""

import sqlite3
from typing import Final

from sinks.event.reader import UnreadableEventError, read_event
from sinks.event.views import EventView

# Whoever labels a container chooses how long these are.
NAME_CHARACTERS: Final = 256
_MESSAGE_CHARACTERS: Final = 1024
_INSERT: Final = """
    INSERT OR IGNORE INTO event_fields
        (seq, time_ns, type, container_id, cause, container_name, service, image, host, message)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
# The statuses of many hosts are far more than everything that people look for.
NO_STATUS: Final = "(f.type <> 'exit137.host_status')"
# Only a hub asks for the events of a host, and each index costs every commit a page.
_INDEX_HOSTS: Final = (
    "CREATE INDEX IF NOT EXISTS event_fields_host ON event_fields (host) WHERE host IS NOT NULL",
    f"CREATE INDEX IF NOT EXISTS event_fields_no_status ON event_fields ({NO_STATUS.replace('f.', '')})",
)
_WITHOUT_FIELDS: Final = """
    SELECT seq, time_ns, type, container_id, body FROM events
    WHERE seq > ? AND seq > (SELECT ifnull(max(seq), 0) FROM event_fields) ORDER BY seq LIMIT 100
"""


def add_fields(connection: sqlite3.Connection, row: tuple[int, int, str, str | None, bytes]) -> None:
    """
    Store the fields of one event. An event that cannot be read has only those that its row has.

    Args:
        connection: to the store.
        row: its seq, time_ns, type, container_id and body.
    """
    seq, time_ns, type_, container_id, body = row
    known_id = container_id[:NAME_CHARACTERS] if container_id is not None else None
    connection.execute(_INSERT, (seq, time_ns, type_, known_id, *fields_of(body)))


def index_hosts(connection: sqlite3.Connection) -> None:
    """
    Have events of many hosts found: those of one host, and whatever is no status.
    """
    for statement in _INDEX_HOSTS:
        connection.execute(statement)


def fill_fields(connection: sqlite3.Connection) -> None:
    """
    Store the fields of the events after the last one that has them: of an older schema, or of a damaged store.
    """
    last_seq = 0
    while rows := connection.execute(_WITHOUT_FIELDS, (last_seq,)).fetchall():
        for row in rows:
            add_fields(connection, row)
        last_seq = rows[-1][0]


def fields_of(body: bytes) -> tuple[str | None, ...]:
    """
    Return cause, container name, service, image, host and message; empty ones as None.
    """
    try:
        event = read_event(body)
    except UnreadableEventError:
        event = EventView()
    container, service = event.data.container, event.data.service
    image = container.image if container is not None else None
    names = (
        event.exit137.cause,
        container.name if container is not None else None,
        service.name if service is not None else None,
        image.name if image is not None else None,
        event.data.host.id,
    )
    return (*(name[:NAME_CHARACTERS] if name else None for name in names), event.data.message[:_MESSAGE_CHARACTERS])

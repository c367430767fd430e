"""
Finds stored events: pages of them, one by its id, and how many there were. Only reads.

No query reads more than a bounded number of rows, however large the store is: one field selects by its index, and of
those events at most `_EXAMINED_AT_ONCE` are compared with the other conditions. A page says where to continue.
"""

import sqlite3
from collections.abc import Collection
from typing import Any, Final

import orjson

from collector.store.fields import NAME_CHARACTERS
from collector.store.filters import EventFilter, Search, is_one_of
from collector.store.records import EventCount, Page, PastEvent

_EXAMINED_AT_ONCE: Final = 5000
_DEFAULT_PAGE: Final = 50
_ROWS_AT_ONCE: Final = 200
# An event is stored after it happened, unless the clock was set back in between.
_CLOCK_SLACK_NS: Final = 3_600_000_000_000
_DAY_NS: Final = 86_400_000_000_000
_COLUMNS: Final = ("seq", "id", "type", "subject", "container_id", "time_ns", "body")
_SELECT: Final = "SELECT " + ", ".join(f"events.{name}" for name in _COLUMNS)
_COUNTED: Final = ("day", "type", "cause", "service")
_LAST_SEQ: Final = 2**63 - 1


def page(
    connection: sqlite3.Connection, wanted: EventFilter, *, before_seq: int | None = None, limit: int = _DEFAULT_PAGE
) -> Page:
    """
    Return a page of events, newest first; it may be short, or empty, although there are older ones.

    Args:
        connection: to the store.
        wanted: which events.
        before_seq: continue before this one; None: begin with the newest.
        limit: the largest number of events.
    """
    first_seq = _first_seq(connection, wanted.get("since_ns"))
    before = _LAST_SEQ if before_seq is None else before_seq
    search = Search(connection, wanted)
    values = {**search.values, "first": first_seq, "before": before, "limit": limit}
    span = f"{search.selected} AND f.seq >= :first AND f.seq < :before"
    oldest = connection.execute(
        f"SELECT f.seq FROM event_fields AS f WHERE {span} ORDER BY f.seq DESC LIMIT 1 OFFSET {_EXAMINED_AT_ONCE - 1}",  # noqa: S608 (no user input)
        values,
    ).fetchone()
    values["first"] = oldest[0] if oldest is not None else first_seq
    rows = connection.execute(
        f"{_SELECT} FROM event_fields AS f CROSS JOIN events USING (seq)"
        f" WHERE {span} AND {search.compared} ORDER BY f.seq DESC LIMIT :limit",
        values,
    ).fetchall()
    events = [_past_event(row) for row in rows]
    if len(events) == limit:
        return Page(events=events, next_before_seq=events[-1].seq if events else before_seq)
    return Page(events=events, next_before_seq=oldest[0] if oldest is not None else None)


def newest(connection: sqlite3.Connection, wanted: EventFilter, limit: int) -> list[PastEvent]:
    """
    Return the newest events, in the order in which they were stored; with a limit of -1 all of them.
    """
    found: list[PastEvent] = []
    before_seq: int | None = None
    while limit < 0 or len(found) < limit:
        size = _ROWS_AT_ONCE if limit < 0 else min(_ROWS_AT_ONCE, limit - len(found))
        part = page(connection, wanted, before_seq=before_seq, limit=size)
        found += part.events
        before_seq = part.next_before_seq
        if before_seq is None:
            break
    return found[::-1]


def after(
    connection: sqlite3.Connection, wanted: EventFilter, *, after_seq: int, limit: int = _ROWS_AT_ONCE
) -> list[PastEvent]:
    """
    Return the first events that were stored after another one, in that order; with a limit of -1 all of them.
    """
    search = Search(connection, wanted)
    rows = connection.execute(
        f"{_SELECT} FROM event_fields AS f CROSS JOIN events USING (seq)"
        f" WHERE {search.all} AND f.seq > :after ORDER BY f.seq LIMIT :limit",
        {**search.values, "after": after_seq, "limit": limit},
    )
    return [_past_event(row) for row in rows]


def one(connection: sqlite3.Connection, id_: str) -> PastEvent | None:
    """
    Return the event with this id; None if it is not stored.
    """
    row = connection.execute(f"{_SELECT} FROM events WHERE id = ?", (id_,)).fetchone()
    return _past_event(row) if row is not None else None


def sources(connection: sqlite3.Connection, ids: Collection[str]) -> dict[str, str]:
    """
    Return the `source` of the stored events among these ids, by id.
    """
    texts = orjson.dumps(list(ids)).decode()
    rows = connection.execute("SELECT id, body FROM events WHERE id IN (SELECT value FROM json_each(?))", (texts,))
    return {id_: _source(body) for id_, body in rows}


def last_seq(connection: sqlite3.Connection) -> int:
    """
    Return the number of the newest event; 0 if there is none.
    """
    return int(connection.execute("SELECT ifnull(max(seq), 0) FROM events").fetchone()[0])


def counts(connection: sqlite3.Connection, by: Collection[str], wanted: EventFilter) -> list[EventCount]:
    """
    Count events by some of `day`, `type`, `cause` and `service`.

    Args:
        connection: to the store.
        by: what to count by.
        wanted: which events; of its keys only `types`, `causes`, `service` and the two times, which name whole days.
    """
    columns = [name for name in _COUNTED if name in by]
    since_ns, until_ns = wanted.get("since_ns"), wanted.get("until_ns")
    values: dict[str, Any] = {
        "first": -_LAST_SEQ if since_ns is None else since_ns // _DAY_NS,
        "last": _LAST_SEQ if until_ns is None else (until_ns - 1) // _DAY_NS,
    }
    parts = ["day BETWEEN :first AND :last"]
    service = wanted.get("service")
    parts += is_one_of("type", wanted.get("types"), values)
    parts += is_one_of("cause", wanted.get("causes"), values)
    parts += is_one_of("service", None if service is None else [service[:NAME_CHARACTERS]], values)
    grouped = f" GROUP BY {', '.join(columns)} ORDER BY {', '.join(columns)}" if columns else ""
    rows = connection.execute(
        f"SELECT {''.join(f'{name}, ' for name in columns)}sum(events) FROM event_counts"  # noqa: S608 (no user input)
        f" WHERE {' AND '.join(parts)}{grouped}",
        values,
    )
    return [_count(dict(zip(columns, row, strict=False)), row[-1]) for row in rows if row[-1]]


def _first_seq(connection: sqlite3.Connection, since_ns: int | None) -> int:
    """
    Return a number that no event since a time is below, by when events were stored.
    """
    if since_ns is None:
        return 0
    before_ns = since_ns - _CLOCK_SLACK_NS
    row = connection.execute(
        "SELECT seq FROM events WHERE stored_ns < ? ORDER BY stored_ns DESC LIMIT 1", (before_ns,)
    ).fetchone()
    return int(row[0]) if row is not None else 0


def _source(body: bytes) -> str:
    """
    Return the `source` of an event; empty if it has none. Of two, SQLite's json_extract would return the first.
    """
    try:
        envelope = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    source = envelope.get("source") if isinstance(envelope, dict) else None
    return source if isinstance(source, str) else ""


def _past_event(row: tuple[Any, ...]) -> PastEvent:
    return PastEvent(**dict(zip(_COLUMNS, row, strict=True)))


def _count(values: dict[str, Any], events: int) -> EventCount:
    return EventCount(
        day_ns=values["day"] * _DAY_NS if "day" in values else None,
        type=values.get("type"),
        cause=values.get("cause") or None,
        service=values.get("service") or None,
        events=events,
    )

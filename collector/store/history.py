"""
What has happened: reads stored events, beside a running agent or without one, and never writes.
"""

import contextlib
import sqlite3
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final, Self

from collector.store.database import check_readable, check_schema
from collector.store.errors import StoreUnavailableError
from collector.store.records import PastEvent

_COLUMNS: Final = "seq, id, type, subject, container_id, time_ns, body"
_CONTAINER: Final = (
    "(substr(container_id, 1, length(:container)) = :container"
    " OR json_extract(CAST(body AS TEXT), '$.data.container.name') = :container)"
)


class History:
    """
    The events of a store, read by another process.

    Args:
        path: the database.

    Raises:
        StoreUnavailableError: there is none, or it cannot be read.
        StoreForeignError, StoreVersionError: it is none of ours, or of a later version.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        check_readable(path)
        try:
            self._connection = _read_only(path)
        except sqlite3.Error as error:
            raise StoreUnavailableError(path, str(error)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """
        Let go of the database.
        """
        self._connection.close()

    def events(
        self,
        *,
        since_ns: int | None = None,
        until_ns: int | None = None,
        container: str | None = None,
        types: Collection[str] | None = None,
        limit: int = -1,
        after_seq: int | None = None,
    ) -> list[PastEvent]:
        """
        Events in the order in which they were stored.

        Args:
            since_ns: not before this.
            until_ns: before this.
            container: its name, its id, or how the id begins.
            types: only these.
            limit: how many at the most: the newest, or the first after `after_seq`. -1: all.
            after_seq: only those stored after this one.

        Raises:
            StoreUnavailableError: the database cannot be read.
        """
        try:
            return select(
                self._connection,
                since_ns=since_ns,
                until_ns=until_ns,
                container=container,
                types=types,
                limit=limit,
                after_seq=after_seq,
            )
        except sqlite3.Error as error:
            raise StoreUnavailableError(self._path, str(error)) from error


def select(
    connection: sqlite3.Connection,
    *,
    since_ns: int | None,
    until_ns: int | None,
    container: str | None,
    types: Collection[str] | None,
    limit: int,
    after_seq: int | None,
) -> list[PastEvent]:
    """
    Events by `History.events`, over any connection.
    """
    wanted: dict[str, Any] = {f"type{index}": kind for index, kind in enumerate(types or ())}
    conditions = {
        "time_ns >= :since_ns": since_ns,
        "time_ns < :until_ns": until_ns,
        "seq > :after_seq": after_seq,
        _CONTAINER: container,
        f"type IN ({', '.join(':' + name for name in wanted)})": types,
    }
    where = " AND ".join(text for text, value in conditions.items() if value is not None) or "1"
    order = "DESC" if after_seq is None else "ASC"
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM events WHERE {where} ORDER BY seq {order} LIMIT :limit",  # noqa: S608 (our own words)
        {
            "since_ns": since_ns,
            "until_ns": until_ns,
            "after_seq": after_seq,
            "container": container,
            "limit": limit,
            **wanted,
        },
    ).fetchall()
    names = _COLUMNS.split(", ")
    events = [PastEvent(**dict(zip(names, row, strict=True))) for row in rows]
    return events if after_seq is not None else events[::-1]


def _read_only(path: Path) -> sqlite3.Connection:
    """
    Without the -wal file nobody writes; then a reader who may not create it can still read the file as it is.
    """
    uri = path.absolute().as_uri()
    with contextlib.suppress(sqlite3.OperationalError):
        return _tried(path, f"{uri}?mode=ro")
    if path.with_name(f"{path.name}-wal").exists():
        return _tried(path, f"{uri}?mode=ro")
    return _tried(path, f"{uri}?mode=ro&immutable=1")


def _tried(path: Path, uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    try:
        check_schema(connection, path)
        connection.execute("SELECT 1 FROM events LIMIT 1").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection

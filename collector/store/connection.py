"""
Opens a connection to the database: permissions, schema, settings. Refuses a file that is foreign, damaged or too new.

SQLite runs in WAL mode with synchronous=FULL: a commit is on the disk when it returns (sqlite.org/pragma.html).
"""

import os
import sqlite3
from pathlib import Path
from typing import Final

from collector.store.errors import StoreCorruptError, StoreForeignError, StoreVersionError, as_store_errors
from collector.store.fields import fill_fields

# The script at index n migrates from schema version n to n + 1.
MIGRATIONS: Final = ("schema_1.sql", "schema_2.sql", "schema_3.sql", "schema_4.sql", "schema_5.sql")
# The first version that has the fields of events in tables of their own.
FIELDS_SINCE: Final = 4
# The version that added the last of these fields.
FIELDS_COMPLETE: Final = 5
FILE_MODE: Final = 0o640
_APPLICATION_ID: Final = int.from_bytes(b"e137", "big")
# SQLite truncates its log to this size after a checkpoint.
_WAL_LIMIT_BYTES: Final = 8_388_608


def connect(path: Path) -> sqlite3.Connection:
    """
    Open the database, or create it. The connection is in autocommit mode.

    Raises:
        StoreError: the database cannot be used; the class says why.
    """
    with as_store_errors(path):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            _check(connection, path)
            _set_up(connection)
            _migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection


def check_schema(connection: sqlite3.Connection, path: Path, *, oldest: int = 0) -> None:
    """
    Refuse a database that this program must not touch. Only reads.

    Args:
        connection: to the database.
        path: the file, for the error message.
        oldest: the oldest acceptable schema version.

    Raises:
        StoreForeignError: the database is not a store of exit137.
        StoreVersionError: its schema is newer than this program knows, or too old.
    """
    version = pragma(connection, "user_version")
    has_tables = _query_int(connection, "SELECT count(*) FROM sqlite_schema") > 0
    if has_tables and pragma(connection, "application_id") != _APPLICATION_ID:
        raise StoreForeignError(path)
    if not oldest <= version <= len(MIGRATIONS):
        raise StoreVersionError(path, version, len(MIGRATIONS))


def migration(version: int) -> str:
    """
    Return the statements that make this version of the schema out of the one before.
    """
    # Not by importlib.resources, which takes a megabyte.
    return Path(__file__).with_name(MIGRATIONS[version - 1]).read_text(encoding="utf-8")


def pragma(connection: sqlite3.Connection, name: str) -> int:
    """
    Return the value of a numeric PRAGMA.
    """
    return _query_int(connection, f"PRAGMA {name}")


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """
    Refuse a foreign, too new or damaged database before anything is written.
    """
    check_schema(connection, path)
    problems = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problems != "ok":
        raise StoreCorruptError(path, problems)


def _set_up(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # must come first: it takes effect only in an empty file
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT_BYTES}")
    connection.execute("PRAGMA incremental_vacuum").fetchall()


def _migrate(connection: sqlite3.Connection) -> None:
    found = pragma(connection, "user_version")
    for version in range(found + 1, len(MIGRATIONS) + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {migration(version)}")
        if version == FIELDS_COMPLETE:
            fill_fields(connection)
        # Not by executescript, which commits first.
        for statement in (
            f"PRAGMA application_id = {_APPLICATION_ID}",
            f"PRAGMA user_version = {version}",
            "COMMIT",
        ):
            connection.execute(statement)


def _query_int(connection: sqlite3.Connection, statement: str) -> int:
    return int(connection.execute(statement).fetchone()[0])

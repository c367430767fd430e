"""
Opens the database file: lock, permissions, schema, and what to do when it is damaged, foreign or too new.

SQLite in WAL mode with synchronous=FULL: a commit is on the disk when it returns (sqlite.org/pragma.html).
The lock is a file beside the database, so readers stay free; that it exists also proves that the database
is ours, and only what is ours is ever set aside (`aside.py`).
"""

import contextlib
import dataclasses
import errno
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Final

from collector.store.aside import complete, exchange, successor
from collector.store.errors import (
    StoreCorruptError,
    StoreError,
    StoreForeignError,
    StoreInUseError,
    StoreNoSpaceError,
    StoreUnavailableError,
    StoreVersionError,
)
from collector.store.salvage import Salvaged, salvage, taken_over

# The script at index n leads from schema version n to n + 1.
MIGRATIONS: Final = ("schema_1.sql", "schema_2.sql", "schema_3.sql")
_APPLICATION_ID: Final = int.from_bytes(b"e137", "big")
_FILE_MODE: Final = 0o640
_DIRECTORY_MODE: Final = 0o750
_WAL_LIMIT_BYTES: Final = 8_388_608
_PRIMARY_CODE: Final = 0xFF  # sqlite.org/rescode.html: the rest of a result code are details
_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class Database:
    """
    The open file. All of it belongs to one thread.

    Args:
        path: the file; it and its directory are created.

    Attributes:
        connection: for statements; in autocommit mode, `transaction` groups them.
        salvaged: what became of a damaged predecessor.

    Raises:
        StoreError: it cannot be used; the class says why.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.salvaged: Salvaged | None = None
        with self.guarded():
            path.parent.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
            lock = lock_of(path)
            was_ours = lock.exists()
            self._lock = _locked(path, lock)
        try:
            self.connection = self._open(was_ours=was_ours)
        except StoreError:
            if not was_ours:
                lock.unlink()
            os.close(self._lock)
            raise

    def close(self) -> None:
        """
        Write everything into the database file and let go of it.
        """
        self.connection.close()
        os.close(self._lock)

    def data_version(self) -> int:
        """
        A number that changes when another connection has written.
        """
        return _pragma(self.connection, "data_version")

    def guarded(self) -> contextlib.AbstractContextManager[None]:
        """
        Turns what SQLite and the system raise into errors of the store.

        Raises:
            StoreUnavailableError, StoreCorruptError: the class says which.
        """
        return as_store_errors(self.path)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """
        All or nothing.

        Raises:
            StoreUnavailableError, StoreCorruptError: nothing of it was stored.
        """
        with self.guarded():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            finally:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")

    def _open(self, *, was_ours: bool) -> sqlite3.Connection:
        with self.guarded():
            interrupted = exchange(self.path)
        try:
            connection = _connected(self.path)
        except StoreCorruptError as error:
            if not was_ours:
                raise StoreForeignError(self.path) from error
            self.salvaged = _rebuilt(self.path)
            return _connected(self.path)
        if interrupted is not None:
            self.salvaged = taken_over(connection, interrupted)
        return connection


def check_schema(connection: sqlite3.Connection, path: Path, *, oldest: int = 0) -> None:
    """
    Refuse what must not be touched; only reads.

    Args:
        connection: to the database.
        path: named in the error.
        oldest: the oldest version of the schema that will do.

    Raises:
        StoreForeignError: it is none of ours.
        StoreVersionError: a later version of the program wrote it, or one that is too old.
    """
    version = _pragma(connection, "user_version")
    has_tables = _one(connection, "SELECT count(*) FROM sqlite_schema") > 0
    if has_tables and _pragma(connection, "application_id") != _APPLICATION_ID:
        raise StoreForeignError(path)
    if not oldest <= version <= len(MIGRATIONS):
        raise StoreVersionError(path, version, len(MIGRATIONS))


def check_readable(path: Path) -> None:
    """
    Whether there is a file that may be read: of one that it cannot open SQLite does not say why.

    Raises:
        StoreUnavailableError: there is none, with FileNotFoundError as its cause; or it may not be read.
    """
    with as_store_errors(path):
        path.stat()
        if not os.access(path, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def lock_of(path: Path) -> Path:
    """
    The file beside a database that shows that it is ours.
    """
    return path.with_name(f"{path.name}.lock")


def _locked(path: Path, lock: Path) -> int:
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise StoreInUseError(path) from error
    return descriptor


def _connected(path: Path) -> sqlite3.Connection:
    with as_store_errors(path):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE))
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            _check(connection, path)
            _set_up(connection)
            _migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection


def _rebuilt(path: Path) -> Salvaged:
    """
    Make a sound database of what can be read of a damaged one, then let them change places.
    """
    with as_store_errors(path):
        into = successor(path)
        with contextlib.closing(_connected(into)) as connection:
            salvaged = salvage(path, connection)
        complete(path)
        return dataclasses.replace(salvaged, set_aside=exchange(path) or path)


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """
    Refuse what must not be touched or is damaged, before anything is written.
    """
    check_schema(connection, path)
    problems = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problems != "ok":
        raise StoreCorruptError(path, problems)


def _set_up(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # takes effect in a new file only: must come first
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT_BYTES}")
    connection.execute("PRAGMA incremental_vacuum").fetchall()


def _migrate(connection: sqlite3.Connection) -> None:
    found = _pragma(connection, "user_version")
    for version, script in enumerate(MIGRATIONS[found:], start=found + 1):
        statements = resources.files(__package__).joinpath(script).read_text(encoding="utf-8")
        connection.executescript(
            f"BEGIN IMMEDIATE; {statements}\n"
            f"PRAGMA application_id = {_APPLICATION_ID}; PRAGMA user_version = {version}; COMMIT;"
        )


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return _one(connection, f"PRAGMA {name}")


def _one(connection: sqlite3.Connection, statement: str) -> int:
    return int(connection.execute(statement).fetchone()[0])


@contextlib.contextmanager
def as_store_errors(path: Path) -> Iterator[None]:
    """
    Turns what SQLite and the system raise into errors of the store.

    Raises:
        StoreUnavailableError, StoreCorruptError: the class says which.
    """
    try:
        yield
    except OSError as error:
        refused = StoreNoSpaceError if error.errno in _NO_SPACE else StoreUnavailableError
        raise refused(path, error.strerror or str(error)) from error
    except (sqlite3.ProgrammingError, sqlite3.IntegrityError):
        # A fault of ours, not of the disk.
        raise
    except sqlite3.Error as error:
        raise _kind(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR))(path, str(error)) from error


def _kind(code: int) -> type[StoreUnavailableError | StoreCorruptError]:
    """
    What a result code of SQLite means; that the index of its log cannot grow is no failure of the disk.
    """
    if code & _PRIMARY_CODE in _DAMAGED:
        return StoreCorruptError
    if code & _PRIMARY_CODE == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE:
        return StoreNoSpaceError
    return StoreUnavailableError

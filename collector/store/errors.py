"""
The errors of the store, by what to do about them.

    StoreError
    ├── StoreFullError         the store is full of undelivered events: repair a sink, or raise max_bytes
    ├── StoreUnavailableError  the disk or its permissions refused; nothing was changed: try again
    │   └── StoreNoSpaceError  the disk is full: wait for space
    ├── StoreLostError         the file was deleted or replaced, and cannot be written anew: make that possible
    ├── StoreCorruptError      the file is damaged: open it again, which salvages it
    ├── StoreInUseError        another process uses it
    ├── StoreVersionError      another version of the program wrote it
    └── StoreForeignError      the file is not a store of exit137 and is left alone
"""

import contextlib
import errno
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

_PRIMARY_CODE: Final = 0xFF  # the other bits of a result code are details (sqlite.org/rescode.html)
_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class StoreError(Exception):
    """
    Raised when a call to the store failed.
    """


class StoreFullError(StoreError):
    """
    Raised when the store is full and contains only undelivered events.

    Args:
        max_bytes: the size limit of the store.
        depths: the number of pending events of each sink.
    """

    def __init__(self, max_bytes: int, depths: Mapping[str, int]) -> None:
        pending = ", ".join(f"{count} for {sink}" for sink, count in sorted(depths.items()) if count)
        super().__init__(f"all {max_bytes} bytes of the store contain undelivered events ({pending})")


class StoreUnavailableError(StoreError):
    """
    Raised when the disk fails, or the file may not be written.

    Args:
        where: the database, or the cluster.
        why: the message of SQLite, of the operating system or of the cluster.
    """

    def __init__(self, where: Path | str, why: str) -> None:
        super().__init__(f"{where}: {why}")


class StoreNoSpaceError(StoreUnavailableError):
    """
    Raised when the disk is full, also when only this user's quota is used up. Other processes may free some space.
    """


class StoreLostError(StoreError):
    """
    Raised when the files of the open database were deleted or replaced, and a new database cannot be written.

    Events are still stored in the deleted files and delivered from them. They are lost when the agent ends.

    Args:
        loss: what happened to the files, in words.
        error: why the new database cannot be written.
    """

    def __init__(self, loss: str, error: StoreError) -> None:
        super().__init__(f"{loss}, and the store cannot be written anew: {error}")


class StoreCorruptError(StoreError):
    """
    Raised when the database is damaged.

    Args:
        path: the database.
        why: the message of SQLite.
    """

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} is damaged: {why}")


class StoreInUseError(StoreError):
    """
    Raised when another agent uses the same store.

    Args:
        path: the database.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is in use by another exit137")


class StoreVersionError(StoreError):
    """
    Raised when the schema of the database is newer than this version knows, or older than it needs.

    The database is not changed.

    Args:
        path: the database.
        found: the schema version of the database.
        known: the newest schema version that this program knows.
    """

    def __init__(self, path: Path, found: int, known: int) -> None:
        advice = "install a newer version" if found > known else "start the agent once to upgrade it"
        super().__init__(f"{path} has schema version {found}; this exit137 knows versions up to {known}: {advice}")


class StoreForeignError(StoreError):
    """
    Raised when the file is not a store of exit137. The file is not changed.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is not a store of exit137: move it away, or configure another path")


@contextlib.contextmanager
def as_store_errors(path: Path) -> Iterator[None]:
    """
    Convert errors of SQLite and of the operating system into errors of the store.

    Raises:
        StoreUnavailableError, StoreCorruptError: by what failed.
    """
    try:
        yield
    except OSError as error:
        refused = StoreNoSpaceError if error.errno in _NO_SPACE else StoreUnavailableError
        raise refused(path, error.strerror or str(error)) from error
    except (sqlite3.ProgrammingError, sqlite3.IntegrityError):
        # A bug in this program, not a failure of the disk.
        raise
    except sqlite3.Error as error:
        raise _error_class(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR))(path, str(error)) from error


def _error_class(code: int) -> type[StoreUnavailableError | StoreCorruptError]:
    """
    Choose the error for a result code of SQLite. IOERR_SHMSIZE means that the WAL index cannot grow: no space is left.
    """
    if code & _PRIMARY_CODE in _DAMAGED:
        return StoreCorruptError
    if code & _PRIMARY_CODE == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE:
        return StoreNoSpaceError
    return StoreUnavailableError

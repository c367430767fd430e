"""
Owns the database file: the lock, and what to do when the file is damaged, deleted or replaced.

The lock is a separate file next to the database, so that readers are never blocked. The lock file also proves that
exit137 created the database; only such a database is ever moved aside (`aside.py`).
"""

import contextlib
import dataclasses
import errno
import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from collector.store.aside import complete, exchange, successor
from collector.store.connection import FILE_MODE, connect, pragma
from collector.store.errors import (
    StoreCorruptError,
    StoreError,
    StoreForeignError,
    StoreInUseError,
    StoreLostError,
    as_store_errors,
)
from collector.store.fields import index_hosts
from collector.store.files import OpenFiles
from collector.store.rewriting import Rewritten, rewrite
from collector.store.salvage import Salvaged, finished_salvage, salvage
from collector.store.transaction import transaction

_DIRECTORY_MODE: Final = 0o750
# A lost database is written anew with every attempt, which costs time for a large one.
_RETRY_S: Final = 1.0
# A file system that became read-only after an error may still call itself writable (ext4 of Linux 6.18 does), so that
# only a write shows it.
_TOUCH_EVERY_S: Final = 5.0


class Database:
    """
    The open database file. Only one thread uses it.

    Args:
        path: the file; it and its directory are created.
        is_of_hosts: have events found by their hosts.

    Attributes:
        connection: the connection, in autocommit mode; `transaction` groups statements.
        salvaged: what was recovered from a damaged database at opening; None if it was not damaged.
        trouble: why the database is not in its place, or cannot be written; None if it can.

    Raises:
        StoreError: the database cannot be used; the class says why.
    """

    def __init__(self, path: Path, *, is_of_hosts: bool = False) -> None:
        self.path = path
        self.salvaged: Salvaged | None = None
        self._rewrites: list[Rewritten] = []
        self.trouble: StoreError | None = None
        self._retry_at_s = self._touch_due_s = 0.0
        with self.guarded():
            path.parent.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
            lock = lock_of(path)
            # A lock file from an earlier start: only then may a damaged file be replaced.
            was_ours = lock.exists()
            self._lock = _acquire_lock(path, lock)
        try:
            self.connection = self._open(was_ours=was_ours)
            if is_of_hosts:
                with self.guarded():
                    index_hosts(self.connection)
        except StoreError:
            if not was_ours:
                lock.unlink()
            os.close(self._lock)
            raise
        self._files = OpenFiles(path, lock)
        self._version = pragma(self.connection, "data_version")

    def close(self) -> None:
        """
        Write everything to the database file and close it.
        """
        self.connection.close()
        os.close(self._lock)

    def was_changed(self) -> bool:
        """
        Return whether another process has written to the database since the last call.
        """
        version, self._version = self._version, pragma(self.connection, "data_version")
        return version != self._version

    def keep_in_place(self) -> None:
        """
        Write the database anew if its files were deleted or replaced. If that fails, set `trouble`; call again later.
        """
        now_s = time.monotonic()
        if self.trouble is not None and now_s < self._retry_at_s:
            return
        self._retry_at_s = now_s + _RETRY_S
        try:
            with self.guarded():
                self._ensure_in_place()
        except StoreError as error:
            self.trouble = error
        else:
            self.trouble = None

    def take_rewrites(self) -> list[Rewritten]:
        """
        Return how the database was written anew, each time since the last call.
        """
        rewrites, self._rewrites = self._rewrites, []
        return rewrites

    def _ensure_in_place(self) -> None:
        loss = self._files.loss()
        if loss is not None:
            try:
                self._rewrites.append(self._write_anew(loss))
            except StoreError as error:
                raise StoreLostError(loss, error) from error
        elif self.trouble is not None or time.monotonic() >= self._touch_due_s:
            self._touch_due_s = time.monotonic() + _TOUCH_EVERY_S
            os.utime(self._lock)

    def _write_anew(self, loss: str) -> Rewritten:
        lock = lock_of(self.path)
        with self.guarded():
            self.path.parent.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
            if not self._files.holds(lock):
                new_lock = _acquire_lock(self.path, lock)
                os.close(self._lock)
                self._lock = new_lock
                self._files.adopt(lock)
        connection, rewritten = rewrite(self.connection, self.path, self._files, loss)
        # The old connection does not delete the logs of the new one: SQLite checks that its file was not moved.
        self.connection.close()
        self.connection = connection
        self._files = OpenFiles(self.path, lock)
        self._version = pragma(connection, "data_version")
        return rewritten

    def guarded(self) -> contextlib.AbstractContextManager[None]:
        """
        Convert errors of SQLite and of the operating system into errors of the store.

        Raises:
            StoreUnavailableError, StoreCorruptError: by what failed.
        """
        return as_store_errors(self.path)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """
        Group statements: all of them take effect, or none.

        Raises:
            StoreUnavailableError, StoreCorruptError: nothing was stored.
        """
        with self.guarded(), transaction(self.connection):
            yield self.connection

    def _open(self, *, was_ours: bool) -> sqlite3.Connection:
        with self.guarded():
            interrupted = exchange(self.path)
        try:
            connection = connect(self.path)
        except StoreCorruptError as error:
            if not was_ours:
                raise StoreForeignError(self.path) from error
            self.salvaged = _rebuild(self.path)
            return connect(self.path)
        if interrupted is not None:
            self.salvaged = finished_salvage(connection, interrupted)
        return connection


def check_readable(path: Path) -> None:
    """
    Refuse a file that does not exist or may not be read; SQLite itself does not say which.

    Raises:
        StoreUnavailableError: the file does not exist (then its cause is a FileNotFoundError), or it may not be read.
    """
    with as_store_errors(path):
        path.stat()
        if not os.access(path, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def lock_of(path: Path) -> Path:
    """
    Return the path of a database's lock file, which also proves that exit137 created the database.
    """
    return path.with_name(f"{path.name}.lock")


def last_alive_s(path: Path) -> float | None:
    """
    Return when an agent last showed that it has this database open, seconds since 1970; None if none ever did.

    It does so every five seconds. Asking takes no lock, so that it cannot be in an agent's way.
    """
    try:
        return lock_of(path).stat().st_mtime
    except OSError:
        return None


def _acquire_lock(path: Path, lock: Path) -> int:
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise StoreInUseError(path) from error
    return descriptor


def _rebuild(path: Path) -> Salvaged:
    """
    Salvage a damaged database into a new one, then replace it.
    """
    with as_store_errors(path):
        into = successor(path)
        with contextlib.closing(connect(into)) as connection:
            salvaged = salvage(path, connection)
        complete(path)
        return dataclasses.replace(salvaged, moved_to=exchange(path) or path)

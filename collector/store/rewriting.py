"""
Writes the store anew after its files were deleted or replaced while it is open.

The open connection still reads the deleted files, so that nothing is missing. A crash at any moment leaves the old
store, or the complete successor that the next start puts in its place (`aside.py`).
"""

import contextlib
import itertools
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from collector.store.aside import begun, complete, put_in_place, successor
from collector.store.connection import connect
from collector.store.errors import StoreCorruptError, as_store_errors
from collector.store.files import OpenFiles, files_of
from collector.store.salvage import copy_readable
from collector.store.transaction import transaction


@dataclass(frozen=True, slots=True)
class Rewritten:
    """
    A store that was written anew.

    Attributes:
        loss: what had happened to its files.
        moved_to: where the file is now that stood in its place; None if there was none.
        pending: the number of pending deliveries in the new store.
        complete: nothing is missing in the new store.
    """

    loss: str
    moved_to: Path | None
    pending: int
    complete: bool

    def __str__(self) -> str:
        moved = f"; the file in its place was moved to {self.moved_to}" if self.moved_to is not None else ""
        rest = "nothing is missing" if self.complete else "the rest could not be read"
        return f"{self.loss}{moved}; written anew with {self.pending} pending deliveries; {rest}"


def rewrite(
    source: sqlite3.Connection, path: Path, opened: OpenFiles, loss: str
) -> tuple[sqlite3.Connection, Rewritten]:
    """
    Write everything that a connection can read into a new database, and open that.

    Args:
        source: the connection whose files are lost; it stays open.
        path: where the database was, and where the new one will be.
        opened: the files of the connection.
        loss: what happened to them.

    Raises:
        StoreError: the new database cannot be written; the connection remains usable.
    """
    with as_store_errors(path):
        is_complete = _copy(source, path)
        complete(path)
        moved_to = _clear(path, opened, keep_own=not is_complete)
        put_in_place(path)
    connection = connect(path)
    pending = int(connection.execute("SELECT count(*) FROM outbox").fetchone()[0])
    return connection, Rewritten(loss=loss, moved_to=moved_to, pending=pending, complete=is_complete)


def _copy(source: sqlite3.Connection, path: Path) -> bool:
    """
    Copy the database page by page or, if pages are damaged, what is readable. Return whether nothing is missing.
    """
    with contextlib.suppress(StoreCorruptError), as_store_errors(path):
        with contextlib.closing(connect(successor(path))) as target:
            source.backup(target)
        connect(begun(path)).close()  # checks every page
        return True
    with as_store_errors(path), contextlib.closing(connect(successor(path))) as target, transaction(target):
        return copy_readable(source, target)


def _clear(path: Path, opened: OpenFiles, *, keep_own: bool) -> Path | None:
    """
    Move away what other programs put in the place of the store. Return its new name; None if there was nothing.

    The own files are deleted, because their contents were copied, unless something could not be read.
    """
    target = next(free for number in itertools.count(1) if not os.path.lexists(free := _numbered(path, number)))
    for file, moved in zip(files_of(path), files_of(target), strict=True):
        if opened.holds(file) and not keep_own:
            file.unlink(missing_ok=True)
        elif os.path.lexists(file):
            file.rename(moved)
    return target if os.path.lexists(target) else None


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.replaced-{number}")

"""
Replaces a damaged database by the one that was salvaged from it. A crash at any moment loses neither.

    exit137.db              the damaged database; stays until its successor is complete
    exit137.db.salvaging    the successor while it is written
    exit137.db.salvaged     the complete successor; if a crash interrupts the exchange, the next start finishes it
    exit137.db.corrupt-<n>  the damaged database after the exchange
"""

import os
import re
from pathlib import Path
from typing import Final

from collector.store.files import files_of

# Each may be as large as the store, so that only a few are kept.
_KEPT: Final = 3
_NUMBERED: Final = re.compile(r"\.corrupt-\d+").fullmatch


def begun(path: Path) -> Path:
    """
    Return the path where the successor of a database is written.
    """
    return path.with_name(f"{path.name}.salvaging")


def successor(path: Path) -> Path:
    """
    Return the path where the successor of a database is written, and delete the remains of an earlier attempt.
    """
    _remove(begun(path))
    return begun(path)


def complete(path: Path) -> None:
    """
    Mark the successor as complete: it is closed and contains everything that could be read.
    """
    begun(path).rename(_completed(path))
    sync_directory(path.parent)


def exchange(path: Path) -> Path | None:
    """
    Replace the damaged database by its complete successor. Return where the damaged one is now; None: no successor.
    """
    if not _completed(path).exists():
        return None
    target = _move_aside(path)
    put_in_place(path)
    return target


def put_in_place(path: Path) -> None:
    """
    Give the complete successor the name of the database.
    """
    _completed(path).rename(path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """
    Write the names in a directory to the disk. SQLite does this for its own logs, but not for renamed files.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _completed(path: Path) -> Path:
    return path.with_name(f"{path.name}.salvaged")


def _move_aside(path: Path) -> Path:
    """
    Move a damaged database to the next free name, and delete the oldest of those that were moved before.
    """
    found = [each for each in path.parent.glob(f"{path.name}.corrupt-*") if _NUMBERED(each.suffix)]
    aside = {int(each.suffix.removeprefix(".corrupt-")): each for each in found}
    last = max(aside, default=0)
    if not path.exists() and last:
        return aside[last]
    for number in sorted(aside)[: max(len(aside) + 1 - _KEPT, 0)]:
        _remove(aside[number])
    target = path.with_name(f"{path.name}.corrupt-{last + 1}")
    for source, moved in zip(files_of(path), files_of(target), strict=True):
        if source.exists():
            source.rename(moved)
    return target


def _remove(database: Path) -> None:
    for file in files_of(database):
        file.unlink(missing_ok=True)

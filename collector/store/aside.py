"""
How a damaged database gives way to the one that was made of it; a crash at any moment loses neither.

    exit137.db              damaged; stays until its successor is complete
    exit137.db.salvaging    the successor, while it is written
    exit137.db.salvaged     the same, complete: what is left of the exchange is done, if need be, by the next start
    exit137.db.corrupt-<n>  where the damaged one ends
"""

import os
import re
from pathlib import Path
from typing import Final

_KEPT: Final = 3
_SUFFIXES: Final = ("-wal", "-shm", "")  # the database last: that it has gone shows that its log went with it
_NUMBERED: Final = re.compile(r"\.corrupt-\d+").fullmatch


def successor(path: Path) -> Path:
    """
    Where the successor of a database is written; what an earlier attempt left there is gone.
    """
    begun = path.with_name(f"{path.name}.salvaging")
    _remove(begun)
    return begun


def complete(path: Path) -> None:
    """
    The successor is closed, and has all that could be read.
    """
    successor_ = path.with_name(f"{path.name}.salvaging")
    successor_.rename(_completed(path))
    sync_directory(path.parent)


def exchange(path: Path) -> Path | None:
    """
    Put a complete successor into the place of the damaged database; gives where that is now. None: there is none.
    """
    if not _completed(path).exists():
        return None
    target = _set_aside(path)
    _completed(path).rename(path)
    sync_directory(path.parent)
    return target


def sync_directory(directory: Path) -> None:
    """
    Have the disk know the names in it; SQLite does so for its logs, not for what is renamed.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _completed(path: Path) -> Path:
    return path.with_name(f"{path.name}.salvaged")


def _set_aside(path: Path) -> Path:
    """
    Move it to the next free name; of older ones only some are kept, for they may fill the disk.
    """
    found = [each for each in path.parent.glob(f"{path.name}.corrupt-*") if _NUMBERED(each.suffix)]
    aside = {int(each.suffix.removeprefix(".corrupt-")): each for each in found}
    last = max(aside, default=0)
    if not path.exists() and last:
        return aside[last]
    for number in sorted(aside)[: max(len(aside) + 1 - _KEPT, 0)]:
        _remove(aside[number])
    target = path.with_name(f"{path.name}.corrupt-{last + 1}")
    for suffix in _SUFFIXES:
        source = path.with_name(path.name + suffix)
        if source.exists():
            source.rename(target.with_name(target.name + suffix))
    return target


def _remove(database: Path) -> None:
    for suffix in _SUFFIXES:
        database.with_name(database.name + suffix).unlink(missing_ok=True)

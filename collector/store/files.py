"""
The files that the store has open, and whether they are still the ones that other programs find under their names.

An open file that was deleted or replaced can be read and written as before, and is gone when it is closed.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SUFFIXES: Final = ("-wal", "-shm", "")  # the database comes last: once it is moved, its log has been moved too


@dataclass(frozen=True, slots=True)
class _Identity:
    device: int
    inode: int


class OpenFiles:
    """
    Remembers which files were opened.

    Args:
        path: the database.
        lock: its lock file.
    """

    def __init__(self, path: Path, lock: Path) -> None:
        self._path = path
        self._opened = {each: _identity(each) for each in (*files_of(path), lock)}

    def loss(self) -> str | None:
        """
        Return what happened to the files in words; None if every file is in its place.
        """
        if not self._path.parent.is_dir():
            return f"the directory {self._path.parent} is gone"
        for path in self._opened:
            if not self.holds(path):
                return f"{path} was {'replaced' if os.path.lexists(path) else 'deleted'}"
        return f"{self._path} was emptied" if not self._path.stat().st_size else None

    def adopt(self, path: Path) -> None:
        """
        Remember the file that is under this name now, because it was opened in place of the earlier one.
        """
        self._opened[path] = _identity(path)

    def holds(self, path: Path) -> bool:
        """
        Return whether the file under this name is the one that was opened.
        """
        return self._opened.get(path) == _identity(path)


def files_of(path: Path) -> list[Path]:
    """
    Return the paths of the files of a database, the database last.
    """
    return [path.with_name(path.name + suffix) for suffix in SUFFIXES]


def _identity(path: Path) -> _Identity | None:
    try:
        status = os.stat(path)  # noqa: PTH116 (half the time of path.stat, several times a second)
    except FileNotFoundError:
        return None
    return _Identity(status.st_dev, status.st_ino)

"""
A disk that loses power: notes what SQLite does to its files, and says what may be left of them.

Between SQLite and the operating system stands a VFS that notes each write, truncation, sync, creation and removal,
and passes it on. What is left after a cut is what was synced, and of what was not any part that a disk may have
written by itself: sectors in any order, names in their order.
"""

import ctypes
import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self, TypeAlias

from tests.crash import sqlite_abi as abi

SECTOR_BYTES: Final = 512
_OK: Final = 0
# SQLite syncs the directory with the first sync of a journal, and not with that of a database (os_unix.c, xSync).
_JOURNALS: Final = ("-wal", "-journal")


class Writeback(StrEnum):
    """
    What the disk had written by itself of what was never synced.
    """

    NOTHING = "nothing"
    PREFIX = "prefix"
    SOME_SECTORS = "some sectors"
    EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class Created:
    """
    A name came to be.
    """

    path: str
    file: int


@dataclass(frozen=True, slots=True)
class Removed:
    """
    A name is gone.
    """

    path: str


@dataclass(frozen=True, slots=True)
class Written:
    """
    Bytes of a file.
    """

    file: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncated:
    """
    A file has another size.
    """

    file: int
    size: int


@dataclass(frozen=True, slots=True)
class Synced:
    """
    The disk has all of a file.

    Attributes:
        directory: and all names.
    """

    file: int
    directory: bool


Step: TypeAlias = Created | Removed | Written | Truncated | Synced


class Disk:
    """
    Notes what SQLite does to the files of a directory from `with` on.

    Attributes:
        steps: all of it since `begin`.
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._before: dict[str, bytes] = {}
        self._files: dict[str, int] = {}
        self._library = abi.library()
        self._real = self._library.sqlite3_vfs_find(None)
        self._vfs = abi.Vfs.from_buffer_copy(self._real.contents)
        self._vfs.name = b"losing-power"
        self._vfs.open, self._vfs.delete = abi.OPEN(self._open), abi.DELETE(self._delete)
        self._kept: list[Any] = []  # what C points to must live

    def __enter__(self) -> Self:
        self._library.sqlite3_vfs_register(ctypes.byref(self._vfs), 1)
        return self

    def __exit__(self, *_: object) -> None:
        self._library.sqlite3_vfs_unregister(ctypes.byref(self._vfs))
        self._library.sqlite3_vfs_register(self._real, 1)

    def begin(self, directory: Path) -> None:
        """
        From now on it is about this directory, all of which is on the disk.
        """
        self.steps = []
        self._kept = []
        self._before = {str(path): path.read_bytes() for path in directory.iterdir()}
        self._files = {path: number for number, path in enumerate(self._before)}

    def left(self, count: int, writeback: Writeback, rng: random.Random) -> dict[str, bytes]:
        """
        What is left, by the files' paths, when the power goes after so many steps.
        """
        files = {number: _File(bytearray(content)) for number, content in enumerate(self._before.values())}
        names: list[Created | Removed] = [Created(path, number) for number, path in enumerate(self._before)]
        safe = len(names)
        for step in self.steps[:count]:
            match step:
                case Created() | Removed():
                    names.append(step)
                case Written() | Truncated():
                    files.setdefault(step.file, _File(bytearray())).unsynced.append(step)
                case Synced():
                    files.setdefault(step.file, _File(bytearray())).sync()
                    safe = len(names) if step.directory else safe
        kept = _names(names, safe + _part(len(names) - safe, writeback, rng))
        return {path: files.get(number, _File(bytearray())).after(writeback, rng) for path, number in kept.items()}

    def _open(self, _: int, path: int | None, file: int, flags: int, given: int | None) -> int:
        result: int = self._real.contents.open(ctypes.addressof(self._real.contents), path, file, flags, given)
        if result == _OK and path is not None:
            name = ctypes.string_at(path).decode()
            if name not in self._files:
                self._files[name] = len(self._before) + len(self.steps)
                self.steps.append(Created(name, self._files[name]))
            self._come_between(abi.File.from_address(file), name)
        return result

    def _come_between(self, file: abi.File, path: str) -> None:
        number, journal = self._files[path], path.endswith(_JOURNALS)
        real = abi.IoMethods.from_buffer_copy(file.methods.contents)
        ours = abi.IoMethods.from_buffer_copy(real)

        def write(handle: int, data: int, count: int, offset: int) -> int:
            self.steps.append(Written(number, offset, ctypes.string_at(data, count)))
            return int(real.write(handle, data, count, offset))

        def truncate(handle: int, size: int) -> int:
            self.steps.append(Truncated(number, size))
            return int(real.truncate(handle, size))

        def sync(handle: int, flags: int) -> int:
            result = int(real.sync(handle, flags))
            self.steps.append(Synced(number, directory=journal))
            return result

        ours.write, ours.truncate, ours.sync = abi.WRITE(write), abi.TRUNCATE(truncate), abi.SYNC(sync)
        self._kept += [real, ours]
        file.methods = ctypes.pointer(ours)

    def _delete(self, _: int, path: bytes, synced: int) -> int:
        if self._files.pop(path.decode(), None) is not None:
            self.steps.append(Removed(path.decode()))
        return int(self._real.contents.delete(ctypes.addressof(self._real.contents), path, synced))


@dataclass(slots=True)
class _File:
    """
    Contents: what is on the disk, and what was done since.
    """

    content: bytearray
    unsynced: list[Written | Truncated] = field(default_factory=list)

    def sync(self) -> None:
        for step in self.unsynced:
            self._do(step)
        self.unsynced = []

    def after(self, writeback: Writeback, rng: random.Random) -> bytes:
        for step in _some(self.unsynced, writeback, rng):
            self._do(step)
        return bytes(self.content)

    def _do(self, step: Written | Truncated) -> None:
        match step:
            case Truncated(size=size):
                del self.content[size:]
                self.content.extend(bytes(size - len(self.content)))
            case Written(offset=offset, data=data):
                self.content.extend(bytes(max(offset - len(self.content), 0)))
                self.content[offset : offset + len(data)] = data


def _some(
    steps: Sequence[Written | Truncated], writeback: Writeback, rng: random.Random
) -> Sequence[Written | Truncated]:
    if writeback is Writeback.SOME_SECTORS:
        return [piece for step in steps for piece in _sectors(step) if rng.random() < 0.5]
    return steps[: _part(len(steps), writeback, rng)]


def _part(count: int, writeback: Writeback, rng: random.Random) -> int:
    match writeback:
        case Writeback.NOTHING:
            return 0
        case Writeback.PREFIX | Writeback.SOME_SECTORS:
            return rng.randint(0, count)
        case Writeback.EVERYTHING:
            return count


def _sectors(step: Written | Truncated) -> list[Written | Truncated]:
    if isinstance(step, Truncated):
        return [step]
    begin, end = step.offset, step.offset + len(step.data)
    edges = [begin, *range((begin // SECTOR_BYTES + 1) * SECTOR_BYTES, end, SECTOR_BYTES), end]
    return [
        Written(step.file, first, step.data[first - begin : last - begin]) for first, last in itertools.pairwise(edges)
    ]


def _names(steps: Sequence[Created | Removed], count: int) -> Mapping[str, int]:
    names: dict[str, int] = {}
    for step in steps[:count]:
        match step:
            case Created():
                names[step.path] = step.file
            case Removed():
                names.pop(step.path, None)
    return names

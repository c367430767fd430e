"""
A disk that loses power: records what SQLite does to its files, and computes what may be left of them.

A VFS between SQLite and the operating system records each write, truncation, sync, creation and removal, and passes it
on. After a power cut, everything that was synced is left, and of the rest any part that a disk may have written by
itself: sectors in any order, names in their order.
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
    What the disk had written by itself of the data that was never synced.
    """

    NOTHING = "nothing"
    PREFIX = "prefix"
    SOME_SECTORS = "some sectors"
    EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class Created:
    """
    A file was created.
    """

    path: str
    file: int


@dataclass(frozen=True, slots=True)
class Removed:
    """
    A file was removed.
    """

    path: str


@dataclass(frozen=True, slots=True)
class Written:
    """
    Bytes were written to a file.
    """

    file: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncated:
    """
    The size of a file was changed.
    """

    file: int
    size: int


@dataclass(frozen=True, slots=True)
class Synced:
    """
    A file was synced.

    Attributes:
        directory: whether the directory was synced too.
    """

    file: int
    directory: bool


Step: TypeAlias = Created | Removed | Written | Truncated | Synced


class Disk:
    """
    Records what SQLite does to the files of a directory, as a context manager.

    Attributes:
        steps: everything since `begin`.
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
        self._kept: list[Any] = []  # objects that C code points to must stay alive

    def __enter__(self) -> Self:
        self._library.sqlite3_vfs_register(ctypes.byref(self._vfs), 1)
        return self

    def __exit__(self, *_: object) -> None:
        self._library.sqlite3_vfs_unregister(ctypes.byref(self._vfs))
        self._library.sqlite3_vfs_register(self._real, 1)

    def begin(self, directory: Path) -> None:
        """
        Start recording for this directory, all of whose files count as synced.
        """
        self.steps = []
        self._kept = []
        self._before = {str(path): path.read_bytes() for path in directory.iterdir()}
        self._files = {path: number for number, path in enumerate(self._before)}

    def left(self, count: int, writeback: Writeback, rng: random.Random) -> dict[str, bytes]:
        """
        Return the contents of the files, by path, if the power fails after this many steps.
        """
        files = {number: _File(bytearray(content)) for number, content in enumerate(self._before.values())}
        names: list[Created | Removed] = [Created(path, number) for number, path in enumerate(self._before)]
        synced_names = len(names)
        for step in self.steps[:count]:
            match step:
                case Created() | Removed():
                    names.append(step)
                case Written() | Truncated():
                    files.setdefault(step.file, _File(bytearray())).unsynced.append(step)
                case Synced():
                    files.setdefault(step.file, _File(bytearray())).sync()
                    synced_names = len(names) if step.directory else synced_names
        kept = _names(names, synced_names + _part(len(names) - synced_names, writeback, rng))
        return {path: files.get(number, _File(bytearray())).after(writeback, rng) for path, number in kept.items()}

    def _open(self, _: int, path: int | None, file: int, flags: int, given: int | None) -> int:
        result: int = self._real.contents.open(ctypes.addressof(self._real.contents), path, file, flags, given)
        if result == _OK and path is not None:
            name = ctypes.string_at(path).decode()
            if name not in self._files:
                self._files[name] = len(self._before) + len(self.steps)
                self.steps.append(Created(name, self._files[name]))
            self._intercept(abi.File.from_address(file), name)
        return result

    def _intercept(self, file: abi.File, path: str) -> None:
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
    The contents of a file on the disk, and the changes that are not synced.
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

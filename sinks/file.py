"""
Events appended to a file, one line of JSON each, rotated by size: events.jsonl, then .1 (the newest) to .5.

Works together with logrotate: if the file has been moved away, a new one is created. A batch is written and synced as a
whole. If a crash left half a line, that line is ended first, so that it cannot damage the next one.
"""

import asyncio
import contextlib
import errno
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

from msgspec import Meta

from sinks.base import Outgoing, SinkConfig
from sinks.errors import DisabledError, Reason, SinkError, TransientError
from sinks.formats import Format, rendered

_DEFAULT_MAX_BYTES: Final = 67_108_864
_FILE_MODE: Final = 0o640
_DIRECTORY_MODE: Final = 0o750
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_REFUSED: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_NOT_A_FILE: Final = frozenset({errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG})


class FileConfig(SinkConfig, frozen=True, kw_only=True):
    """
    A sink of the type `file`.

    Attributes:
        path: the file; its directory is created if needed.
        format: the form of an event.
        max_bytes: the size at which the file is rotated.
        keep: how many rotated files are kept.
        fsync: wait until the disk has the events; without it a power failure may lose events that count as delivered.
    """

    path: Annotated[str, Meta(min_length=1)]
    format: Format = Format.CLOUDEVENTS
    max_bytes: Annotated[int, Meta(ge=1)] = _DEFAULT_MAX_BYTES
    keep: Annotated[int, Meta(ge=0, le=1000)] = 5
    fsync: bool = True


class FileSink:
    """
    Appends to one file. All system calls run one after the other in one thread, even if a caller stopped waiting.

    Args:
        config: its configuration.
        now: the wall clock, in UTC.
    """

    max_batch = 500

    def __init__(self, config: FileConfig, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.name = config.name
        self._config = config
        self._now = now
        self._path = Path(config.path)
        self._descriptor: int | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"sink-{config.name}")

    async def open(self) -> None:
        """
        Open or create the file.

        Raises:
            TransientError: the disk is full or failing.
            DisabledError: the path is not a file, or may not be written.
        """
        await self._run(())

    async def send(self, batch: Sequence[Outgoing]) -> None:
        """
        Append a batch; return when the disk has it (unless `fsync` is off).

        Raises:
            TransientError: the disk is full or failing.
            DisabledError: the path is not a file, or may not be written.
        """
        await self._run(batch)

    async def aclose(self) -> None:
        """
        Close the file.
        """
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)

    async def _run(self, batch: Sequence[Outgoing]) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._append, batch)
        except OSError as error:
            raise _sink_error(error, self._path) from error

    def _append(self, batch: Sequence[Outgoing]) -> None:
        now = self._now()
        lines = b"".join(rendered(event, self._config.format, now) + b"\n" for event in batch)
        try:
            descriptor = self._ready_for(len(lines))
            if lines:
                self._write_all_or_nothing(descriptor, lines)
        except OSError:
            self._close()
            raise

    def _write_all_or_nothing(self, descriptor: int, lines: bytes) -> None:
        before = os.fstat(descriptor).st_size
        try:
            _write(descriptor, lines)
            if self._config.fsync:
                os.fsync(descriptor)
        except OSError:
            # A full disk may have taken a part of the batch; a retry would append it a second time.
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, before)
            raise

    def _ready_for(self, size: int) -> int:
        if self._descriptor is not None and self._moved(self._descriptor):
            self._close()
        descriptor = self._opened()
        present = os.fstat(descriptor).st_size
        if present and present + size > self._config.max_bytes:
            self._close()
            self._rotate()
            descriptor = self._opened()
        return descriptor

    def _opened(self) -> int:
        if self._descriptor is None:
            self._path.parent.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._descriptor = os.open(self._path, flags, _FILE_MODE)
            _end_last_line(self._descriptor)
            if self._config.fsync:
                _sync_directory(self._path.parent)
        return self._descriptor

    def _moved(self, descriptor: int) -> bool:
        try:
            return not os.path.samestat(self._path.stat(), os.fstat(descriptor))
        except FileNotFoundError:
            return True

    def _rotate(self) -> None:
        if self._config.keep == 0:
            self._path.unlink()
            return
        for number in range(self._config.keep - 1, 0, -1):
            if self._full(number).exists():
                self._full(number).replace(self._full(number + 1))
        self._path.replace(self._full(1))

    def _full(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _write(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _end_last_line(descriptor: int) -> None:
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        _write(descriptor, b"\n")


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sink_error(error: OSError, path: Path) -> SinkError:
    words = f"{path}: {error.strerror}"
    if error.errno in _FULL:
        return TransientError(Reason.DISK_FULL, words)
    if error.errno in _REFUSED:
        return DisabledError(Reason.UNAUTHORIZED, words)
    if error.errno in _NOT_A_FILE:
        return DisabledError(Reason.UNUSABLE, words)
    return TransientError(Reason.IO_ERROR, words)

"""
Follows the file into which an engine of Podman writes its events: `events_logger = "file"` in containers.conf, and the
default where there is no journal.

Every command of Podman appends its lines. Once the file is full (`events_logfile_max_size`), Podman replaces it by a
file with the newer half of its lines. Lines that have been read are recognized by the last of them.

In the own directory a user may put anything. So only a regular file of that user is read, and no line is waited for.
"""

import asyncio
import hashlib
import io
import os
import stat
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from collector.facts.observed import Fact
from collector.facts.watermark import WatermarkFact
from collector.host.threads import Threads
from collector.sources.base import Position, PrivilegeError, Reading, SourceError, SourceMissingError
from parsers.docker_event import DockerEvent
from parsers.engine import ContainerEngine, EngineName
from parsers.errors import ParseError
from parsers.podman_event import parse_podman_line

SCHEME: Final = "file://"
_SOURCE: Final = "podman"
_LOOK_EVERY_S: Final = 0.5
# A line has the labels of a container, and may have its inspection. Podman's own limit for the file is 1 MB by default.
_PIECE_BYTES: Final = 1 << 20
# Of a file with another limit the first lines are looked at; events that are read again count once.
_REPLACED_BYTES: Final = 1 << 23
# So much is read at a look without an event: a user can make the file as long as they like.
_PIECES_AT_MOST: Final = 2
# No event is shorter: it has a type, an action and a time.
_LINE_BYTES_AT_LEAST: Final = 64
_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_REMEDY: Final = "see docs/install.md (Podman)"


class EventsFile:
    """
    Reads the events of one engine.

    Args:
        path: the file.
        uid: the user whose engine it is.
        wall_ns: the wall clock.
        look_every_s: time between two looks for new lines, in seconds.
    """

    def __init__(
        self,
        path: str,
        uid: int,
        wall_ns: Callable[[], int] = time.time_ns,
        look_every_s: float = _LOOK_EVERY_S,
    ) -> None:
        self._path = Path(path)
        self._engine = ContainerEngine(name=EngineName.PODMAN, uid=uid)
        self._wall_ns = wall_ns
        self._look_every_s = look_every_s
        self._threads = Threads(1)
        self._wanted = asyncio.Event()
        self._offset = 0
        self._file_id: tuple[int, int] | None = None
        self._last_line: str | None = None
        self._is_at_end = False
        self.records = 0
        self.garbage = 0
        self.is_behind = False

    async def readings(self, position: Position | None) -> AsyncGenerator[Reading]:
        """
        Read from a position on; without one, from the end of the file.

        Raises:
            SourceMissingError: the file is gone.
            PrivilegeError: the agent may not open it.
            SourceError: it cannot be read, or is not a regular file of the user.
        """
        await self._threads.call(self._resume, position if position is not None else {})
        yield Reading(facts=(), position=self._position())
        try:
            while True:
                is_asked, before_ns = self._wanted.is_set(), self._wall_ns()
                facts: list[Fact] = [*await self._threads.call(self._new_events)]
                if is_asked and self._is_at_end:
                    self._wanted.clear()
                    facts = [WatermarkFact(source=_SOURCE, read_until_ns=before_ns)]
                if facts:
                    yield Reading(facts=tuple(facts), position=self._position())
                elif self._is_at_end:
                    await self._wait()
                else:
                    await asyncio.sleep(self._look_every_s)
        finally:
            self._threads.end_idle()

    def request_watermark(self) -> None:
        """
        Have the time yielded until which the file has been read.
        """
        self._wanted.set()

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._look_every_s):
                await self._wanted.wait()

    def _resume(self, position: Position) -> None:
        with self._opened() as (file, status):
            offset, device, inode, last = (position.get(name) for name in ("offset", "device", "inode", "last_line"))
            self._last_line = last if isinstance(last, str) else None
            if isinstance(offset, int) and isinstance(device, int) and isinstance(inode, int):
                self._offset, self._file_id = max(offset, 0), (device, inode)
                if self._last_line not in (None, _digest(_last_line(file, self._offset))):
                    self._file_id = None  # after a reboot another file may have the same number
            else:
                self._offset, self._file_id = status.st_size, (status.st_dev, status.st_ino)
                self._last_line = _digest(_last_line(file, status.st_size))

    def _position(self) -> Position:
        device, inode = self._file_id if self._file_id is not None else (None, None)
        return {"offset": self._offset, "device": device, "inode": inode, "last_line": self._last_line}

    def _new_events(self) -> list[DockerEvent]:
        """
        Return the events in the next piece of the file that has some; none after a few pieces without.
        """
        for _ in range(_PIECES_AT_MOST):
            lines = self._new_lines()
            self._is_at_end = not lines
            events = [event for event in map(self._event, lines) if event is not None]
            if events or not lines:
                return events
        return []

    def _new_lines(self) -> list[bytes]:
        with self._opened() as (file, status):
            file_id = (status.st_dev, status.st_ino)
            if file_id != self._file_id or status.st_size < self._offset:
                self._file_id, self._offset = file_id, self._offset_in(file)
            file.seek(self._offset)
            piece = file.read(_PIECE_BYTES)
        # What has no end yet is still being written, unless it is longer than any line.
        end = len(piece) if len(piece) == _PIECE_BYTES and b"\n" not in piece else piece.rfind(b"\n") + 1
        lines = piece[:end].splitlines()
        if lines:
            self._offset += end
            self._last_line = _digest(lines[-1])
        return lines

    def _offset_in(self, file: BinaryIO) -> int:
        """
        Return where to continue in a file that has replaced the one that was read: after the last line of that.
        """
        file.seek(0)
        offset = found = 0
        for line in io.BytesIO(file.read(_REPLACED_BYTES)):
            offset += len(line)
            if len(line) >= _LINE_BYTES_AT_LEAST and _digest(line.rstrip(b"\n")) == self._last_line:
                found = offset
        return found

    def _event(self, line: bytes) -> DockerEvent | None:
        self.records += 1
        if len(line) < _LINE_BYTES_AT_LEAST:
            self.garbage += 1
            return None
        try:
            return parse_podman_line(line, self._engine)
        except ParseError:
            self.garbage += 1
            return None

    @contextmanager
    def _opened(self) -> Iterator[tuple[BinaryIO, os.stat_result]]:
        try:
            with os.fdopen(os.open(self._path, _FLAGS), "rb", buffering=0) as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode) or status.st_uid != self._engine.uid:
                    raise SourceError(f"{self._path} is not a regular file of user {self._engine.uid}")
                yield file, status
        except FileNotFoundError as error:
            raise SourceMissingError(f"{self._path} is gone") from error
        except PermissionError as error:
            raise PrivilegeError(f"{self._path} cannot be opened: permission denied", _REMEDY) from error
        except OSError as error:
            raise SourceError(f"{self._path} cannot be read: {error.strerror}") from error


def _last_line(file: BinaryIO, end: int) -> bytes:
    """
    Return the line that ends at a place in the file.
    """
    begin = max(end - _PIECE_BYTES, 0)
    file.seek(begin)
    return next(reversed(file.read(end - begin).splitlines()), b"")


def _digest(line: bytes) -> str:
    return hashlib.blake2b(line, digest_size=16).hexdigest()

"""
Waits until one of several files is modified: inotify(7), called through the C library.

On cgroup v2 the kernel reports a change of memory.events this way (Documentation/admin-guide/cgroup-v2.rst).
"""

import asyncio
import contextlib
import ctypes
import os
from collections.abc import Iterable
from typing import Final, Self

_IN_MODIFY: Final = 0x2
_READ_BYTES: Final = 65_536


class Inotify:
    """
    Watches a set of files; use it as a context manager. Needs no privilege.

    Raises:
        OSError: the user has too many inotify instances (fs.inotify.max_user_instances).
    """

    def __init__(self) -> None:
        self._system = ctypes.CDLL(None, use_errno=True)
        self._watched: frozenset[str] = frozenset()
        self._changed = asyncio.Event()
        self._fd = self._system.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")

    def __enter__(self) -> Self:
        asyncio.get_running_loop().add_reader(self._fd, self._drain)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)

    def follow(self, paths: Iterable[str]) -> None:
        """
        Watch these files, and no others.

        Files that are no longer listed have been removed, and the kernel drops their watches itself. A file that cannot
        be watched, for example because it was removed a moment ago, is skipped.
        """
        wanted = frozenset(paths)
        for path in wanted - self._watched:
            self._system.inotify_add_watch(self._fd, os.fsencode(path), _IN_MODIFY)
        self._watched = wanted

    async def wait(self, timeout_s: float) -> bool:
        """
        Wait at most `timeout_s` seconds for a change; return whether there was one since the last call.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        changed = self._changed.is_set()
        self._changed.clear()
        return changed

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._fd, _READ_BYTES):
                self._changed.set()

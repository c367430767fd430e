"""
How long a thread has waited for a CPU: who was starved has read late, whatever the clock says.

Format: Documentation/scheduler/sched-stats.rst, /proc/PID/schedstat. Not every kernel keeps these statistics.
"""

import os
from contextlib import suppress
from typing import Final, Self

_SCHEDSTAT: Final = "/proc/thread-self/schedstat"
_BYTES: Final = 128  # three numbers of 64 bits


class RunDelay:
    """
    The time that the thread which created this has been runnable without running; use it as a context manager.

    The file stays open: opening it takes five times as long as reading it, and it is read at every line of a report.
    """

    def __init__(self, path: str | os.PathLike[str] = _SCHEDSTAT) -> None:
        self._fd: int | None = None
        with suppress(OSError):
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def read_ns(self) -> int:
        """
        Return the time so far in ns; 0 where the kernel does not say.
        """
        if self._fd is None:
            return 0
        try:
            return int(os.pread(self._fd, _BYTES, 0).split()[1])
        except (OSError, ValueError, IndexError):
            return 0

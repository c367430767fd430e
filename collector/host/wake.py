"""
Ends a thread's wait for a file descriptor from another thread.
"""

import os
import select
import threading
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

_MS_PER_S: Final = 1000


class Wake:
    """
    A wait that another thread ends (eventfd(2)); use it as a context manager in the waiting thread. After its end `set`
    does nothing.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            os.close(self._fd)
            self._fd = -1

    def set(self) -> None:
        """
        End the wait that goes on, else the next one; from any thread.
        """
        with self._lock:
            if self._fd >= 0:
                os.eventfd_write(self._fd, 1)

    def wait(self, timeout_s: float, fd: int, events: int = select.POLLIN) -> None:
        """
        Wait until `set`, or until another descriptor has something; then the next wait begins anew.

        Args:
            timeout_s: how long to wait at most.
            fd: the other descriptor.
            events: what it is polled for (poll(2)).
        """
        poll = select.poll()
        poll.register(fd, events)
        poll.register(self._fd, select.POLLIN)
        poll.poll(timeout_s * _MS_PER_S)
        with suppress(BlockingIOError):
            os.eventfd_read(self._fd)

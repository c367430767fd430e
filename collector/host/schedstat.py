"""
How long this thread has waited for a CPU: who was starved has read late, whatever the clock says.

Format: Documentation/scheduler/sched-stats.rst, /proc/PID/schedstat. Not every kernel keeps these statistics.
"""

import os
from typing import Final

_SCHEDSTAT: Final = "/proc/thread-self/schedstat"
_BYTES: Final = 128  # three numbers of 64 bits


def run_delay_ns(path: str | os.PathLike[str] = _SCHEDSTAT) -> int:
    """
    Return the time in ns that this thread has been runnable without running; 0 where the kernel does not say.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # a file object would take ten calls instead of three
        try:
            return int(os.read(fd, _BYTES).split()[1])
        finally:
            os.close(fd)
    except (OSError, ValueError, IndexError):
        return 0

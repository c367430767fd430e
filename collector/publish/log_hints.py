"""
Advice by the last words in the log of a container that failed: a limit of the system that the program ran into.

The words are the program's own and prove nothing, so they give advice and never a cause.
"""

import re
from collections.abc import Sequence
from typing import Final

from sinks.event import Advice

_LAST_LINES: Final = 10
_LINE_LENGTH: Final = 120
_FORKS: Final = re.compile(
    r"can(?:'t|not) fork|\bfork: (?:retry: )?Resource temporarily unavailable|can't start new thread"
    r"|unable to create (?:new )?native thread|pthread_create (?:failed|error)|fork/exec .{1,99}: resource temporarily",
    re.IGNORECASE,
)
_FILES: Final = re.compile(r"too many open files|\bEMFILE\b|\bENFILE\b", re.IGNORECASE)
_DISK: Final = re.compile(r"no space left on device|\bENOSPC\b|disk quota exceeded", re.IGNORECASE)
_TASKS_ADVICE: Final = (
    "Count the processes and threads of the container and look for zombies; raise --pids-limit, the unit's TasksMax or"
    " the user's limit (ulimit -u), or run with --init so that zombies are reaped."
)
_FILES_ADVICE: Final = (
    "Compare the open files (/proc/PID/fd) with the limit; raise it with --ulimit nofile=, or look for files and"
    " connections that are never closed."
)
_DISK_ADVICE: Final = (
    "Look for what fills the disk (docker system df, df -h, df -i): a volume, the container's own layer, /dev/shm or a"
    " tmpfs."
)
_ADVICE: Final = ((_FORKS, "pids", _TASKS_ADVICE), (_FILES, "files", _FILES_ADVICE), (_DISK, "disk", _DISK_ADVICE))


def log_hints(lines: Sequence[str]) -> tuple[Advice, ...]:
    """
    Return the advice that the end of a log calls for.

    Args:
        lines: oldest first, secrets masked.
    """
    latest = lines[-_LAST_LINES:]
    hints: list[Advice] = []
    for pattern, kind, text in _ADVICE:
        line = next((line for line in reversed(latest) if pattern.search(line)), None)
        if line is not None:
            reason = f'At the end of its log stands "{line.strip()[:_LINE_LENGTH]}".'
            hints.append(Advice(kind=kind, text=text, reason=reason, unless="the program has survived this error"))
    return tuple(hints)

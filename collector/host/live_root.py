"""
Opens files of a container through a process of it that still lives: with all its mounts, as the process sees them.

/proc/PID may be of another process by now, so its cgroup is read through the same descriptor. A first thread that is
dead has no root any more; the other threads of the process have it. Needs CAP_SYS_PTRACE for processes of others.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Final

from collector.host.container_files import Root, are_local, components_of, walk
from parsers.mounts import MountPoint, parse_mounts
from parsers.proc_files import parse_cgroup

_TASKS_AT_MOST: Final = 32
_CGROUP_BYTES: Final = 4096
_MOUNTS_BYTES: Final = 1_048_576
_MAPS_BYTES: Final = 2_097_152
_MAPS_PATH: Final = 5
_PATHS_AT_MOST: Final = 4
_DIRECTORY: Final = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


class LiveRoot(Root):
    """
    The file system of a running process.

    Args:
        task: its directory in /proc, open.
        root: its root directory, open.
        mounts: its mounts.
    """

    def __init__(self, task: int, root: int, mounts: Sequence[MountPoint]) -> None:
        self._task = task
        self._root = root
        self._mounts = mounts
        self._points = [components_of(mount.path) for mount in mounts]

    def look(self, components: Sequence[str]) -> int | None:
        """
        Look below the root of the process; another file system may begin only where it has a mount.
        """
        if not are_local(self._mounts, components):
            return None
        return walk(os.dup(self._root), components, lambda count: list(components[:count]) in self._points)

    def mapped(self, name: str) -> tuple[str, ...]:
        """
        Return the paths of the files with a name that the process has mapped.
        """
        text = b""
        with suppress(OSError):
            text = _read(self._task, "maps", _MAPS_BYTES, is_whole=False)
        lines = text.decode("utf-8", "surrogateescape").split("\n")
        found = (line.split(maxsplit=_MAPS_PATH) for line in lines if line.endswith(f"/{name}"))
        paths = (fields[_MAPS_PATH] for fields in found if len(fields) > _MAPS_PATH)
        return tuple(islice(dict.fromkeys(paths), _PATHS_AT_MOST))


@contextmanager
def live_root(pid: int, container_id: str, proc: str = "/proc") -> Iterator[LiveRoot | None]:
    """
    Open the root of a process; None if it has ended, is in another container, or may not be looked at.
    """
    with ExitStack() as opened:
        yield _opened(pid, container_id, proc, opened)


def read_mounts(pid: int | str = "self", proc: str = "/proc") -> tuple[MountPoint, ...]:
    """
    Return the mounts of a process; none where they cannot be read as a whole.
    """
    with suppress(OSError), ExitStack() as opened:
        return parse_mounts(_read(_open(f"{proc}/{pid}", None, opened), "mountinfo", _MOUNTS_BYTES))
    return ()


def _opened(pid: int, container_id: str, proc: str, opened: ExitStack) -> LiveRoot | None:
    """
    Open the root of the first thread that has one.
    """
    with suppress(OSError):
        process = _open(f"{proc}/{pid}", None, opened)
        with suppress(OSError):
            return _root_of(process, container_id, opened)
        for thread in islice(Path(f"/proc/self/fd/{process}/task").iterdir(), _TASKS_AT_MOST):
            with suppress(OSError):
                return _root_of(_open(f"task/{thread.name}", process, opened), container_id, opened)
    return None


def _root_of(task: int, container_id: str, opened: ExitStack) -> LiveRoot:
    """
    Return the root of a thread.

    Raises:
        OSError: the thread has none any more, or is in another container.
    """
    container = parse_cgroup(_read(task, "cgroup", _CGROUP_BYTES))
    if container is None or container_id not in {each.id for each in (container, *container.outer)}:
        raise OSError
    return LiveRoot(task, _open("root", task, opened), parse_mounts(_read(task, "mountinfo", _MOUNTS_BYTES)))


def _open(path: str, directory: int | None, opened: ExitStack) -> int:
    descriptor = os.open(path, _DIRECTORY, dir_fd=directory)
    opened.callback(os.close, descriptor)
    return descriptor


def _read(task: int, name: str, at_most_bytes: int, *, is_whole: bool = True) -> bytes:
    """
    Read a file of /proc.

    Raises:
        OSError: it cannot be read, or is longer and wanted as a whole.
    """
    descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=task)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        pieces = bytearray()
        while len(pieces) < at_most_bytes and (piece := file.read(at_most_bytes - len(pieces))):
            pieces += piece
    if is_whole and len(pieces) >= at_most_bytes:
        raise OSError
    return bytes(pieces)

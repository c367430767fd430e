"""
Opens files of containers from the host: bounded, and never what a container could make the agent open instead.

A container controls every name, link and special file in its root. So links are resolved here, component by component
and within the root; each component is opened without following it; and only a regular file on the root's own file
system is ever opened for reading. A FIFO, a device and a mounted file system (FUSE, /proc, a volume) are refused.

The root is a list of directories, as overlayfs mounts them over each other: the first that has a name decides.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

_LINKS_AT_MOST: Final = 16
_COMPONENTS_AT_MOST: Final = 64
_LOOK: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


class ContainerRoot:
    """
    The file system of a container.

    Args:
        layers: its directories on the host, the upper one first; a single one where it is mounted.
    """

    def __init__(self, layers: Sequence[str]) -> None:
        self._layers = layers

    @contextmanager
    def open(self, path: str) -> Iterator[int | None]:
        """
        Open a regular file for reading, and close it at the end.

        Args:
            path: as the container sees it, absolute.

        Yields:
            A descriptor; None if there is no such file, it is not a regular one, or the agent may not read it.
        """
        descriptor = self._open(path)
        try:
            yield descriptor
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def _open(self, path: str) -> int | None:
        pending, resolved, links = _components(path), list[str](), 0
        while pending and len(pending) + len(resolved) <= _COMPONENTS_AT_MOST:
            name = pending.pop(0)
            if name == "..":
                resolved = resolved[:-1]
                continue
            found = self._look([*resolved, name])
            if found is None:
                return None
            try:
                mode = os.fstat(found).st_mode
                if stat.S_ISLNK(mode):
                    links += 1
                    target = os.readlink("", dir_fd=found)
                    if links > _LINKS_AT_MOST:
                        return None
                    resolved = [] if target.startswith("/") else resolved
                    pending = [*_components(target), *pending]
                elif stat.S_ISDIR(mode):
                    resolved.append(name)
                else:
                    return _readable(found) if stat.S_ISREG(mode) and not pending else None
            except OSError:
                return None
            finally:
                os.close(found)
        return None

    def _look(self, components: Sequence[str]) -> int | None:
        """
        Return a descriptor, only good for a look, of what the first layer has under a path without links.
        """
        for layer in self._layers:
            with suppress(OSError):
                found = _walk(layer, components)
                if found is not None:
                    return found
                return None
        return None


def _walk(layer: str, components: Sequence[str]) -> int | None:
    """
    Open a path below a layer, one component after the other.

    Returns:
        None for a whiteout: an upper layer has removed the name.

    Raises:
        OSError: the layer has no such name.
    """
    here = os.open(layer, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    device = os.fstat(here).st_dev
    try:
        for name in components:
            below = os.open(name, _LOOK, dir_fd=here)
            os.close(here)
            here = below
            status = os.fstat(here)
            if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
                os.close(here)
                here = -1
                return None
            if status.st_dev != device:
                raise OSError
        found, here = here, -1
        return found
    finally:
        if here >= 0:
            os.close(here)


def _readable(found: int) -> int | None:
    """
    Open for reading what a descriptor stands for: the file that was looked at, whatever its name leads to by now.
    """
    with suppress(OSError):
        return os.open(f"/proc/self/fd/{found}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    return None


def _components(path: str) -> list[str]:
    return [name for name in path.split("/") if name not in ("", ".")]

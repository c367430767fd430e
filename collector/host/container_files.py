"""
Opens files of containers from the host: bounded, and never what a container could make the agent open instead.

A container controls every name, link and special file in its root. So links are resolved here, component by component
and within the root; each component is opened without following it; and only a regular file is ever opened for reading.
A FIFO and a device are refused, and so is a file system that may never answer: FUSE, NFS, /proc.

The root is a list of directories, as overlayfs mounts them over each other: the first that has a name decides. Volumes
and bind mounts lie over them: below the destination of one, only its directory of the host counts.
"""

import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Final

from parsers.docker_inspect import Mount
from parsers.mounts import MountPoint

_LINKS_AT_MOST: Final = 16
_COMPONENTS_AT_MOST: Final = 64
_LOOK: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY: Final = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


class Root(ABC):
    """
    The file system of a container.
    """

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

    def names(self, directory: str, at_most: int) -> tuple[str, ...]:
        """
        Return names in a directory, in any order; none if there is no such directory, or its path has a link.
        """
        found = self._found(components_of(directory))
        if found is None:
            return ()
        try:
            if not stat.S_ISDIR(os.fstat(found).st_mode):
                return ()
            with os.scandir(f"/proc/self/fd/{found}") as entries:
                return tuple(entry.name for entry in islice(entries, at_most))
        except OSError:
            return ()
        finally:
            os.close(found)

    def _open(self, path: str) -> int | None:
        pending, resolved, links = components_of(path), list[str](), 0
        while pending and len(pending) + len(resolved) <= _COMPONENTS_AT_MOST:
            name = pending.pop(0)
            if name == "..":
                resolved = resolved[:-1]
                continue
            found = self._found([*resolved, name])
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
                    pending = [*components_of(target), *pending]
                elif stat.S_ISDIR(mode):
                    resolved.append(name)
                else:
                    return _readable(found) if stat.S_ISREG(mode) and not pending else None
            except OSError:
                return None
            finally:
                os.close(found)
        return None

    def _found(self, components: Sequence[str]) -> int | None:
        with suppress(OSError, ValueError):  # a ValueError is of a name that no file can have
            return self.look(components)
        return None

    @abstractmethod
    def look(self, components: Sequence[str]) -> int | None:
        """
        Return a descriptor, only good for a look, of what has a path without links; None or an OSError if nothing has.
        """


class ContainerRoot(Root):
    """
    The file system of a container as its engine describes it; there also after its end.

    Args:
        layers: its directories on the host, the upper one first; a single one where it is mounted.
        mounts: what is mounted over them.
        host_mounts: the mounts of the host, as this process sees them.
    """

    def __init__(
        self, layers: Sequence[str], mounts: Sequence[Mount] = (), host_mounts: Sequence[MountPoint] = ()
    ) -> None:
        self._layers = layers
        self._mounts = [(components_of(mount.destination), mount.source) for mount in mounts]
        self._host_mounts = host_mounts

    def look(self, components: Sequence[str]) -> int | None:
        """
        Look in the mount that covers a path, else in the layers.
        """
        over = [(to, source) for to, source in self._mounts if list(components[: len(to)]) == to]
        if not over:
            return self._look_in_layers(components)
        to, source = max(over, key=lambda mount: len(mount[0]))
        return self._look_in_mount(source, components[len(to) :]) if source is not None else None

    def _look_in_layers(self, components: Sequence[str]) -> int | None:
        for layer in self._layers:
            with suppress(OSError):
                return walk(os.open(layer, _DIRECTORY), components, lambda _: False)
        return None

    def _look_in_mount(self, source: str, below: Sequence[str]) -> int | None:
        """
        Look below the source of a mount. A link in the source itself is refused: a container may have put it there.
        """
        above = components_of(source)
        if not are_local(self._host_mounts, [*above, *below]):
            return None
        found = walk(os.open("/", _DIRECTORY), [*above, *below], lambda count: count <= len(above))
        if found is not None and not below and stat.S_ISLNK(os.fstat(found).st_mode):
            os.close(found)
            return None
        return found


def are_local(mounts: Sequence[MountPoint], components: Sequence[str]) -> bool:
    """
    Return whether every file system on the way to a path answers by itself.
    """
    on_the_way = (mount for mount in mounts if _is_above(components_of(mount.path), components))
    return all(mount.is_local for mount in on_the_way) and bool(mounts)


def components_of(path: str) -> list[str]:
    """
    Return the names in a path.
    """
    return [name for name in path.split("/") if name not in ("", ".")]


def walk(here: int, components: Sequence[str], may_cross: Callable[[int], bool]) -> int | None:
    """
    Open a path, one component after the other.

    Args:
        here: the directory where it begins; closed at the end.
        components: the path.
        may_cross: whether another file system may begin at the component with this number, counted from 1.

    Returns:
        None for a whiteout: an upper layer has removed the name.

    Raises:
        OSError: there is no such name.
    """
    try:
        device = os.fstat(here).st_dev
        for count, name in enumerate(components, 1):
            below = os.open(name, _LOOK, dir_fd=here)
            os.close(here)
            here = below
            status = os.fstat(here)
            if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
                return None
            if status.st_dev != device and not may_cross(count):
                raise OSError
            device = status.st_dev
        found, here = here, -1
        return found
    finally:
        if here >= 0:
            os.close(here)


def _is_above(mount: Sequence[str], components: Sequence[str]) -> bool:
    return list(components[: len(mount)]) == list(mount)


def _readable(found: int) -> int | None:
    """
    Open for reading what a descriptor stands for: the file that was looked at, whatever its name leads to by now.
    """
    with suppress(OSError):
        return os.open(f"/proc/self/fd/{found}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    return None

"""
Looks how full the file systems of a container are that stay on the host after its end. Blocks.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from collector.host.container_files import ContainerRoot, components_of
from collector.host.live_root import read_mounts
from collector.publish.disk_space import DiskSpace
from parsers.docker_inspect import ContainerSnapshot

_MOUNTS_AT_MOST: Final = 32


def spaces_of(snapshot: ContainerSnapshot) -> tuple[DiskSpace, ...]:
    """
    Return the file systems of a container, that of its own layer first; each once, by its longest mount.

    What may never answer (NFS, FUSE) is left out, and so is a tmpfs, which ended with the container.
    """
    seen: set[int] = set()
    found: list[DiskSpace] = []
    for mount, descriptor in _opened(snapshot):
        try:
            device = os.fstat(descriptor).st_dev
            if device not in seen:
                seen.add(device)
                space = os.fstatvfs(descriptor)
                free_bytes, total_bytes = space.f_bavail * space.f_frsize, space.f_blocks * space.f_frsize
                found.append(DiskSpace(mount=mount, free_bytes=free_bytes, total_bytes=total_bytes))
        finally:
            os.close(descriptor)
    return tuple(found)


def _opened(snapshot: ContainerSnapshot) -> Iterator[tuple[str | None, int]]:
    """
    Yield a descriptor for the container's layer and for each of its mounts; the caller closes them.
    """
    for layer in snapshot.layers[:1]:
        with suppress(OSError, ValueError):
            yield None, os.open(layer, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    root = ContainerRoot((), snapshot.mounts, read_mounts() if snapshot.mounts else ())
    for mount in sorted(snapshot.mounts[:_MOUNTS_AT_MOST], key=lambda mount: -len(mount.destination)):
        with suppress(OSError, ValueError):
            descriptor = root.look(components_of(mount.destination))
            if descriptor is not None:
                yield mount.destination, descriptor

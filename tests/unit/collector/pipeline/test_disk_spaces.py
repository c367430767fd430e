"""
The file systems of a container that has ended.
"""

from pathlib import Path

import pytest

from collector.pipeline.disk_spaces import spaces_of
from parsers.docker_inspect import ContainerSnapshot, Mount

SHM = "/dev/shm"  # noqa: S108 (it is only asked for its size)


def snapshot(layer: Path, *mounts: Mount) -> ContainerSnapshot:
    """
    Return a container with one layer.
    """
    return ContainerSnapshot(id="a", labels={}, layers=(str(layer),), mounts=mounts)


def test_each_file_system_once(tmp_path: Path) -> None:
    """
    A volume on the disk of the layer is the same file system; another one has figures of its own.
    """
    if not Path(SHM).is_mount():
        pytest.skip("needs a second file system")
    same, other = Mount(destination="/same", source=str(tmp_path)), Mount(destination="/other", source=SHM)
    own, found = spaces_of(snapshot(tmp_path, same, other))
    assert (own.mount, found.mount) == (None, "/other")
    assert 0 < found.free_bytes <= found.total_bytes


def test_what_is_gone(tmp_path: Path) -> None:
    """
    Of a tmpfs, of a source that was removed and of a layer that was removed nothing is known.
    """
    gone = Mount(destination="/gone", source=str(tmp_path / "gone"))
    assert spaces_of(snapshot(tmp_path / "layer", Mount(destination="/run"), gone)) == ()

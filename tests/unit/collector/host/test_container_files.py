"""
Files of containers: found as overlayfs shows them, and nothing outside the root or other than a regular file.
"""

import os
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from collector.host.container_files import ContainerRoot
from parsers.docker_inspect import Mount
from parsers.mounts import MountPoint


@pytest.fixture
def layers(tmp_path: Path) -> Sequence[Path]:
    """
    Return an upper and a lower layer, and beside them a secret.
    """
    (tmp_path / "secret").write_text("secret")
    found = [tmp_path / "upper", tmp_path / "lower"]
    for layer in found:
        (layer / "usr/lib").mkdir(parents=True)
    (found[1] / "usr/lib/a.so").write_text("lower")
    return found


LOCAL = (MountPoint(path="/", is_local=True),)


def text(
    layers: Sequence[Path], path: str, mounts: Sequence[Mount] = (), host: Sequence[MountPoint] = LOCAL
) -> str | None:
    """
    Return the text of a file; None where it is not opened.
    """
    with ContainerRoot([str(layer) for layer in layers], mounts, host).open(path) as descriptor:
        return os.read(descriptor, 100).decode() if descriptor is not None else None


def test_the_upper_layer_decides(layers: Sequence[Path]) -> None:
    """
    A file of a lower layer is seen until an upper one has its name.
    """
    assert text(layers, "/usr/lib/a.so") == "lower"
    (layers[0] / "usr/lib/a.so").write_text("upper")
    assert text(layers, "/usr/lib/a.so") == "upper"


@pytest.mark.parametrize("name", ["a\0.so", "\ud800.so"])
def test_a_name_that_no_file_can_have(layers: Sequence[Path], name: str) -> None:
    """
    A user's engine may claim any working directory.
    """
    assert text(layers, f"/usr/lib/{name}") is None


def test_links_across_layers(layers: Sequence[Path]) -> None:
    """
    A link of one layer leads to a file of another; absolute links begin at the root of the container.
    """
    (layers[0] / "lib").symlink_to("usr/lib")
    (layers[0] / "lib64").symlink_to("/usr/lib")
    (layers[1] / "usr/b.so").symlink_to("./lib/../lib/a.so")
    for path in ("/lib/a.so", "/lib64/a.so", "/usr/b.so", "usr/../usr/lib/./a.so"):
        assert text(layers, path) == "lower"


@pytest.mark.parametrize("target", ["../../secret", "../../../../../../etc/passwd", "{root}/secret", "/proc/self/exe"])
def test_no_way_out(target: str, layers: Sequence[Path], tmp_path: Path) -> None:
    """
    Neither `..` nor a link leads out of the root.
    """
    (layers[0] / "out").symlink_to(target.format(root=tmp_path))
    assert text(layers, "/out") is None
    assert text(layers, f"/{target.format(root=tmp_path)}") is None


def test_a_link_for_a_directory_in_the_middle(layers: Sequence[Path], tmp_path: Path) -> None:
    """
    A directory that is a link to the host's is resolved in the root, too.
    """
    (layers[0] / "dir").symlink_to(tmp_path)
    assert text(layers, "/dir/secret") is None


def test_links_in_a_circle(layers: Sequence[Path]) -> None:
    """
    Links that lead to each other are no file.
    """
    (layers[0] / "a").symlink_to("b")
    (layers[0] / "b").symlink_to("a")
    assert text(layers, "/a") is None


def test_only_regular_files(layers: Sequence[Path]) -> None:
    """
    A FIFO, a socket and a directory are refused without being opened for reading: opening a FIFO would block.
    """
    os.mkfifo(layers[0] / "fifo")
    with socket.socket(socket.AF_UNIX) as bound:
        directory = os.open(layers[0], os.O_RDONLY)
        bound.bind(f"/proc/self/fd/{directory}/socket")
        os.close(directory)
    for path in ("/fifo", "/socket", "/usr", "/", "", "/usr/lib/a.so/x", "/absent"):
        assert text(layers, path) is None


def test_a_file_that_the_container_removed(layers: Sequence[Path]) -> None:
    """
    A whiteout hides the file of the lower layers; making one needs root.
    """
    try:
        os.mknod(layers[0] / "usr/lib/a.so", 0o020000, 0)
    except PermissionError:
        pytest.skip("needs root")
    assert text(layers, "/usr/lib/a.so") is None


def test_another_file_system_in_the_root() -> None:
    """
    What is mounted below the root is refused: it may be a FUSE file system that never answers.
    """
    with ContainerRoot(["/"]).open("/proc/self/status") as descriptor:
        assert descriptor is None


def test_no_descriptor_is_left(layers: Sequence[Path]) -> None:
    """
    Whatever is found, nothing stays open.
    """
    before = len(list(Path("/proc/self/fd").iterdir()))
    for path in ("/usr/lib/a.so", "/absent", "/usr", "/usr/lib/a.so/x"):
        text(layers, path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """
    Return the directory of a volume.
    """
    (tmp_path / "volume/sub").mkdir(parents=True)
    (tmp_path / "volume/a.so").write_text("volume")
    (tmp_path / "volume/sub/b.so").write_text("below")
    return tmp_path / "volume"


def test_a_volume_hides_the_layers(layers: Sequence[Path], volume: Path) -> None:
    """
    Below the destination of a mount only its source counts; the innermost mount decides.
    """
    (layers[0] / "usr/lib/c.so").write_text("hidden")
    mounts = [Mount(destination="/usr/lib", source=str(volume))]
    assert text(layers, "/usr/lib/a.so", mounts) == "volume"
    assert text(layers, "/usr/lib/c.so", mounts) is None
    mounts.append(Mount(destination="/usr/lib/sub/", source=str(layers[0] / "usr/lib")))
    assert text(layers, "/usr/lib/sub/c.so", mounts) == "hidden"
    assert text(layers, "/usr/lib/sub/b.so", mounts) is None


def test_a_file_that_is_mounted(layers: Sequence[Path], volume: Path) -> None:
    """
    The source of a bind mount may be a file.
    """
    assert text(layers, "/x", [Mount(destination="/x", source=f"{volume}/a.so")]) == "volume"


def test_a_tmpfs_hides_the_layers(layers: Sequence[Path]) -> None:
    """
    What a tmpfs has is gone with the container, and what lies below was not what it used.
    """
    assert text(layers, "/usr/lib/a.so", [Mount(destination="/usr")]) is None


def test_a_name_that_only_begins_like_a_mount(layers: Sequence[Path], volume: Path) -> None:
    """
    A mount at /usr/li says nothing of /usr/lib.
    """
    assert text(layers, "/usr/lib/a.so", [Mount(destination="/usr/li", source=str(volume))]) == "lower"


def test_links_in_a_volume(layers: Sequence[Path], volume: Path) -> None:
    """
    A link in a volume is resolved in the root of the container, never on the host.
    """
    (volume / "inside").symlink_to("/usr/lib/a.so")
    (volume / "above").symlink_to("../secret")
    (volume / "out").symlink_to("../../../../../../etc/passwd")
    (volume / "host").symlink_to(volume.parent / "secret")
    mounts = [Mount(destination="/data", source=str(volume))]
    assert text(layers, "/data/inside", mounts) == "lower"
    for name in ("above", "out", "host"):
        assert text(layers, f"/data/{name}", mounts) is None


def test_a_link_in_the_source(layers: Sequence[Path], volume: Path) -> None:
    """
    A source that is a link, or has one, is refused: another container may have put it there.
    """
    (volume.parent / "link").symlink_to(volume)
    (volume.parent / "file").symlink_to(volume / "a.so")
    (volume.parent / "inside").symlink_to("/usr/lib/a.so")
    for source, path in (("link", "/data/a.so"), ("link/sub", "/data/b.so"), ("file", "/data"), ("inside", "/data")):
        assert text(layers, path, [Mount(destination="/data", source=str(volume.parent / source))]) is None


def test_special_files_in_a_volume(layers: Sequence[Path], volume: Path) -> None:
    """
    A FIFO in a volume, or as a mount, is never opened.
    """
    os.mkfifo(volume / "fifo")
    for destination, source, path in (("/data", volume, "/data/fifo"), ("/fifo", volume / "fifo", "/fifo")):
        assert text(layers, path, [Mount(destination=destination, source=str(source))]) is None
    assert text(layers, "/null", [Mount(destination="/null", source="/dev/null")]) is None


@pytest.mark.parametrize("below", ["", "/sub"])
def test_a_volume_that_may_never_answer(below: str, layers: Sequence[Path], volume: Path) -> None:
    """
    A volume on NFS, or a FUSE file system in it, is not even looked at; nor is any while the mounts are not known.
    """
    mounts = [Mount(destination="/data", source=str(volume))]
    remote = (*LOCAL, MountPoint(path=f"{volume}{below}", is_local=False))
    assert text(layers, "/data/sub/b.so", mounts, remote) is None
    assert text(layers, "/data/a.so", mounts, remote) == ("volume" if below else None)
    assert text(layers, "/data/a.so", mounts, ()) is None


def test_the_names_in_a_directory(layers: Sequence[Path], volume: Path, tmp_path: Path) -> None:
    """
    A directory of the layers or of a mount is listed, up to a bound; a link to one is not followed.
    """
    (layers[0] / "usr/lib/new.log").write_text("new")
    (layers[0] / "out").symlink_to(tmp_path)
    mounts = [Mount(destination="/data", source=str(volume))]
    root = ContainerRoot([str(layer) for layer in layers], mounts, LOCAL)
    assert root.names("/usr/lib", 9) == ("new.log",)
    assert set(root.names("/data", 9)) == {"a.so", "sub"}
    assert len(root.names("/data", 1)) == 1
    for path in ("/out", "/absent", "/data/a.so"):
        assert root.names(path, 9) == ()

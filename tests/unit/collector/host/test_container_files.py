"""
Files of containers: found as overlayfs shows them, and nothing outside the root or other than a regular file.
"""

import os
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from collector.host.container_files import ContainerRoot


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


def text(layers: Sequence[Path], path: str) -> str | None:
    """
    Return the text of a file; None where it is not opened.
    """
    with ContainerRoot([str(layer) for layer in layers]).open(path) as descriptor:
        return os.read(descriptor, 100).decode() if descriptor is not None else None


def test_the_upper_layer_decides(layers: Sequence[Path]) -> None:
    """
    A file of a lower layer is seen until an upper one has its name.
    """
    assert text(layers, "/usr/lib/a.so") == "lower"
    (layers[0] / "usr/lib/a.so").write_text("upper")
    assert text(layers, "/usr/lib/a.so") == "upper"


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

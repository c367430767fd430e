"""
Files of a container through a process that lives: as it sees them, and of no other process.
"""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from collector.host.live_root import live_root

A = "a" * 64
PID = 7
# A second file system that every host has.
SHM = "/dev/shm"  # noqa: S108 (a directory for a file with a name of its own)
MOUNT = "1 1 0:1 / {path} rw - {kind} none rw\n"


class Process:
    """
    A process in a /proc that is made of files, and its root.
    """

    def __init__(self, directory: Path) -> None:
        self.proc = directory / "proc"
        self.task = self.proc / str(PID)
        self.root = directory / "root"
        (self.root / "lib").mkdir(parents=True)
        (self.root / "lib/a.so").write_text("a")
        self.put(self.task)

    def put(self, task: Path, container_id: str = A) -> None:
        """
        Write the files of a thread.
        """
        (task / "task").mkdir(parents=True)
        (task / "cgroup").write_text(f"0::/system.slice/docker-{container_id}.scope\n")
        (task / "root").symlink_to(self.root)
        self.mounts(task, "overlay")

    def mounts(self, task: Path, kind: str, *points: str) -> None:
        """
        Write the mounts of a thread.
        """
        (task / "mountinfo").write_text("".join(MOUNT.format(path=path, kind=kind) for path in ("/", *points)))

    def text(self, path: str) -> str | None:
        """
        Return the text of a file; None where it is not opened.
        """
        with live_root(PID, A, str(self.proc)) as root:
            if root is None:
                return None
            with root.open(path) as descriptor:
                return os.read(descriptor, 100).decode() if descriptor is not None else None

    def mapped(self, name: str) -> Sequence[str]:
        """
        Return the mapped files of a name.
        """
        with live_root(PID, A, str(self.proc)) as root:
            assert root is not None
            return root.mapped(name)


@pytest.fixture
def process(tmp_path: Path) -> Process:
    """
    A process of container A.
    """
    return Process(tmp_path)


def test_a_file(process: Process) -> None:
    """
    A file is found below the root of the process, and links are resolved in it.
    """
    (process.root / "lib64").symlink_to("/lib")
    assert process.text("/lib64/a.so") == "a"


def test_another_container(process: Process) -> None:
    """
    A pid that another container uses by now says nothing.
    """
    (process.task / "cgroup").write_text(f"0::/system.slice/docker-{'b' * 64}.scope\n")
    assert process.text("/lib/a.so") is None


def test_a_process_that_has_ended(process: Process) -> None:
    """
    Without the process there is no root.
    """
    with live_root(PID + 1, A, str(process.proc)) as root:
        assert root is None


def test_a_first_thread_that_is_dead(process: Process) -> None:
    """
    The root of another thread is used; of a dead one there is none.
    """
    (process.task / "root").unlink()
    assert process.text("/lib/a.so") is None
    process.put(process.task / "task/8")
    assert process.text("/lib/a.so") == "a"


@pytest.mark.parametrize("kind", ["fuse.evil", "nfs4"])
@pytest.mark.parametrize("point", ["/", "/lib"])
def test_a_file_system_that_may_never_answer(kind: str, point: str, process: Process) -> None:
    """
    It is not even looked at.
    """
    process.mounts(process.task, kind, point)
    assert process.text("/lib/a.so") is None


def test_mounts_that_cannot_be_read(process: Process) -> None:
    """
    Without the whole table of mounts nothing is opened.
    """
    (process.task / "mountinfo").write_text("x" * 1_048_576)
    assert process.text("/lib/a.so") is None


def test_another_file_system(process: Process) -> None:
    """
    Another file system may begin where the process has a mount, and nowhere else.
    """
    if not Path(SHM).is_mount():
        pytest.skip("needs a second file system")
    (process.task / "root").unlink()
    (process.task / "root").symlink_to("/")
    with tempfile.NamedTemporaryFile(dir=SHM) as file:
        assert process.text(file.name) is None
        process.mounts(process.task, "tmpfs", "/dev", SHM)
        assert process.text(file.name) == ""


def test_no_device_and_no_fifo(process: Process) -> None:
    """
    Only a regular file is opened: a FIFO would block, a device may act.
    """
    os.mkfifo(process.root / "fifo")
    (process.root / "null").symlink_to("/dev/null")
    (process.root / "out").symlink_to("../../../../../../etc/passwd")
    for path in ("/fifo", "/null", "/out", "/lib"):
        assert process.text(path) is None


def test_what_is_mapped(process: Process) -> None:
    """
    The paths come from the mappings; a file that was removed has none.
    """
    lines = [
        "7f00-7f01 r-xp 00001000 08:01 42                         /srv/my plugins/a.so",
        "7f02-7f03 r--p 00002000 08:01 42                         /srv/my plugins/a.so",
        "7f04-7f05 r-xp 00001000 08:01 43                         /lib/a.so (deleted)",
        "7f06-7f07 rw-p 00000000 00:00 0",
    ]
    (process.task / "maps").write_text("\n".join(lines))
    assert process.mapped("a.so") == ("/srv/my plugins/a.so",)
    (process.task / "maps").unlink()
    assert process.mapped("a.so") == ()


def test_no_descriptor_is_left(process: Process) -> None:
    """
    Whatever is found, nothing stays open.
    """
    before = len(list(Path("/proc/self/fd").iterdir()))
    for path in ("/lib/a.so", "/absent", "/lib"):
        process.text(path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before

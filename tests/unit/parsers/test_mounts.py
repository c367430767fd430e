"""
The mounts of a process: where each is, and whether its file system answers by itself.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.mounts import MountPoint, parse_mounts

_LINE = "601 592 8:1 /volumes/data {path} rw,relatime master:1 shared:2 - {kind} /dev/sda1 rw\n"


def test_a_volume() -> None:
    """
    The place is the fifth field; the type follows the separator, after any number of optional fields.
    """
    assert parse_mounts(_LINE.format(path="/data", kind="ext4").encode()) == (MountPoint(path="/data", is_local=True),)


@pytest.mark.parametrize("kind", ["nfs4", "fuse.sshfs", "fuse", "cifs", "ceph", "9p", "autofs", "proc", "cgroup2", ""])
def test_what_may_never_answer(kind: str) -> None:
    """
    What needs a server or a program, and what is not known, is not local.
    """
    (mount,) = parse_mounts(_LINE.format(path="/data", kind=kind).encode())
    assert not mount.is_local


def test_escapes() -> None:
    """
    A blank in a path is an octal escape.
    """
    (mount,) = parse_mounts(_LINE.format(path=r"/my\040data", kind="xfs").encode())
    assert mount.path == "/my data"


@pytest.mark.parametrize(
    "line", ["", "601 592", "601 592 8:1 / relative rw - ext4 a rw", "601 592 8:1 / /data rw ext4"]
)
def test_other_lines(line: str) -> None:
    """
    A line of another form is no mount.
    """
    assert parse_mounts(line.encode()) == ()


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes(text: bytes) -> None:
    """
    Any bytes give mounts with absolute paths.
    """
    assert all(mount.path.startswith("/") for mount in parse_mounts(text))

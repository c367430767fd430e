"""
The file sink in a real directory.
"""

from pathlib import Path

import pytest

from sinks.base import Outgoing
from sinks.errors import DisabledError, Reason, TransientError
from sinks.file import FileConfig, FileSink


def sink(path: Path, max_bytes: int = 1_000_000, keep: int = 2) -> FileSink:
    return FileSink(FileConfig(name="f", type="file", path=str(path), max_bytes=max_bytes, keep=keep))


def contents(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir()}


def event(body: bytes) -> Outgoing:
    return Outgoing(id="1", type="t", key="k", body=body)


async def test_a_full_file_is_rotated(tmp_path: Path) -> None:
    """
    `.1` is the newest rotated file; no more than `keep` stay.
    """
    path = tmp_path / "e"
    out = sink(path, max_bytes=4)
    for body in (b"aa", b"bb", b"cc", b"dd"):
        await out.send([event(body)])
    await out.aclose()
    assert contents(tmp_path) == {"e": b"dd\n", "e.1": b"cc\n", "e.2": b"bb\n"}


async def test_a_file_that_was_moved_away_is_created_again(tmp_path: Path) -> None:
    """
    The sink works with logrotate without needing a signal.
    """
    path = tmp_path / "e"
    out = sink(path)
    await out.send([event(b"a")])
    path.rename(tmp_path / "moved")
    await out.send([event(b"b")])
    await out.aclose()
    assert path.read_bytes() == b"b\n"


async def test_a_half_line_of_a_crash_is_ended_first(tmp_path: Path) -> None:
    """
    A half line damages no other line.
    """
    path = tmp_path / "e"
    path.write_bytes(b'{"ha')
    out = sink(path)
    await out.send([event(b"{}")])
    await out.aclose()
    assert path.read_bytes() == b'{"ha\n{}\n'


async def test_a_full_disk_is_a_transient_error() -> None:
    """
    A full disk is retried, because somebody may free space.
    """
    out = FileSink(FileConfig(name="f", type="file", path="/dev/full", fsync=False))
    with pytest.raises(TransientError) as caught:
        await out.send([event(b"{}")])
    await out.aclose()
    assert caught.value.reason is Reason.DISK_FULL


async def test_a_path_that_is_not_a_file_disables_the_sink(tmp_path: Path) -> None:
    """
    The error names the path.
    """
    with pytest.raises(DisabledError, match=str(tmp_path)):
        await sink(tmp_path).open()


async def test_others_may_not_read_the_file(tmp_path: Path) -> None:
    """
    The file is not readable for others, because events contain command lines.
    """
    out = sink(tmp_path / "e")
    await out.open()
    await out.aclose()
    assert (tmp_path / "e").stat().st_mode & 0o007 == 0

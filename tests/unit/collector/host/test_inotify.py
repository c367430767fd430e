"""
Tests of watching files for changes.
"""

from pathlib import Path

from collector.host.inotify import Inotify

LONG_S = 20.0


async def test_a_write_to_a_watched_file_ends_the_wait(tmp_path: Path) -> None:
    """
    A write to one of the files ends the wait at once, and only once.
    """
    first, second = tmp_path / "first", tmp_path / "second"
    first.touch()
    second.touch()
    with Inotify() as changes:
        changes.follow([first, second])
        second.write_text("1")
        assert await changes.wait(LONG_S)
        assert not await changes.wait(0)


async def test_files_that_are_gone_do_no_harm(tmp_path: Path) -> None:
    """
    A removed file raises no error, and a new file of the same name is watched again.
    """
    file = tmp_path / "file"
    with Inotify() as changes:
        changes.follow([file])
        changes.follow([])
        file.touch()
        changes.follow([file])
        file.write_text("1")
        assert await changes.wait(LONG_S)

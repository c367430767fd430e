"""
Files that change.
"""

from pathlib import Path

from collector.inotify import Inotify

LONG_S = 20.0


async def test_a_write_to_one_of_the_files_wakes(tmp_path: Path) -> None:
    """
    At once, and once.
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
    A new one of the same name is watched again once it was seen to be gone.
    """
    file = tmp_path / "file"
    with Inotify() as changes:
        changes.follow([file])
        changes.follow([])
        file.touch()
        changes.follow([file])
        file.write_text("1")
        assert await changes.wait(LONG_S)

"""
When the limit of a process's open files is read.
"""

from pathlib import Path

from collector.sources.stops.open_files import OpenFilesWatch
from collector.sources.stops.tasks import TaskReader
from tests.unit.collector.memory.trees import ID, write

_MINUTE_NS = 60_000_000_000


class Stage:
    """
    A container whose main process, 20, has as many files open as this test.
    """

    def __init__(self, proc: Path) -> None:
        self.proc, self.now_ns = proc, 0
        self.watch = OpenFilesWatch(lambda: 42, lambda: self.now_ns)
        (proc / "20").mkdir()
        (proc / "20/fd").symlink_to("/proc/self/fd")

    def limit(self, soft: int) -> None:
        text = f"Max open files            {soft}                 4096                 files\n"
        write(self.proc / "20", {"limits": text})

    def look(self) -> bool:
        return self.watch.look(TaskReader(self.proc), ID, 20) is not None


def test_a_limit_that_was_raised_counts_at_once(tmp_path: Path) -> None:
    """
    Programs raise their limit after their start: nothing is said about one that is no longer in force.
    """
    stage = Stage(tmp_path)
    stage.limit(1)
    assert stage.look()
    stage.limit(1_000_000)
    assert not stage.look()


def test_a_limit_that_was_lowered_counts_within_a_minute(tmp_path: Path) -> None:
    """
    Until then it is not read again.
    """
    stage = Stage(tmp_path)
    stage.limit(1_000_000)
    assert not stage.look()
    stage.limit(1)
    stage.now_ns = _MINUTE_NS - 1
    assert not stage.look()
    stage.now_ns = _MINUTE_NS
    assert stage.look()


def test_a_limit_is_of_one_process(tmp_path: Path) -> None:
    """
    A container that was started again has another main process.
    """
    stage = Stage(tmp_path)
    stage.limit(1_000_000)
    assert not stage.look()
    (tmp_path / "20").rename(tmp_path / "21")
    write(tmp_path / "21", {"limits": "Max open files            1                 4096                 files\n"})
    assert stage.watch.look(TaskReader(tmp_path), ID, 21) is not None

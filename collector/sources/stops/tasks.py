"""
Read the tasks of a container that are being killed from /proc.

The status of a task may be read by anybody who sees the process. The function that it waits in needs CAP_SYS_PTRACE for
processes of other users, its stack CAP_SYS_ADMIN: what may not be read is listed.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from collector.facts.stops import KilledTask
from parsers.errors import ParseError
from parsers.proc_status import (
    TaskStatus,
    is_ending,
    parse_open_files_limit,
    parse_stack,
    parse_task_status,
    parse_wchan,
)

_READ_BYTES: Final = 8192
_MAX_PROCESSES: Final = 64
_MAX_THREADS: Final = 64
# Those that explain a stuck kill; a server may have thousands of threads in the same state.
_MAX_TASKS: Final = 8
_MAX_FRAMES: Final = 8
_DEAD: Final = frozenset({"X", "x"})
_ZOMBIE: Final = "Z"
_RUNNING: Final = "R"


@dataclass(slots=True)
class TaskReader:
    """
    Reads tasks, and notes what may not be read.

    Attributes:
        proc: the mount point of procfs.
        unread: the names of files that may not be read, since this reader was created.
    """

    proc: Path = Path("/proc")
    unread: set[str] = field(default_factory=set)

    def status(self, pid: int, tid: int | None = None) -> TaskStatus | None:
        """
        Return the status of a task, by default the first of its process; None if it is gone.
        """
        text = self.status_text(pid, tid)
        try:
            return parse_task_status(text) if text else None
        except ParseError:
            return None

    def status_text(self, pid: int, tid: int | None = None) -> bytes:
        """
        Return the status of a task as the kernel prints it; nothing if it is gone.
        """
        return self._read(f"{pid}/task/{tid or pid}/status")

    def killed(self, pids: Iterable[int], main_pid: int | None) -> tuple[KilledTask, ...]:
        """
        Return the tasks that are being killed, those of the main process first, eight at most.

        Args:
            pids: the processes of a container; the main process may have left its cgroup.
            main_pid: the main process; None if that is not known.
        """
        others = sorted(set(pids) - {main_pid})
        found: list[KilledTask] = []
        for pid in ([main_pid] if main_pid is not None else []) + others[:_MAX_PROCESSES]:
            found += self._killed_in(pid, main=pid == main_pid)
            if len(found) >= _MAX_TASKS:
                break
        return tuple(found[:_MAX_TASKS])

    def is_ending(self, pid: int) -> bool:
        """
        Return whether a process is being killed, has begun to exit or is dead; False if it is gone.
        """
        try:
            return is_ending(self._read(f"{pid}/stat"))
        except ParseError:
            return False

    def open_files(self, pid: int) -> int | None:
        """
        Return how many files a process has open; None if that cannot be read.

        Since Linux 6.2 the size of the directory is the number of its entries, for everybody; before that it is 0.
        """
        directory = f"{self.proc}/{pid}/fd"
        try:
            return os.stat(directory).st_size or len(os.listdir(directory))  # noqa: PTH116, PTH208 (a third of the time)
        except OSError:
            return None

    def open_files_limit(self, pid: int) -> int | None:
        """
        Return how many files a process may have open; None if that cannot be read, or is unlimited.
        """
        return parse_open_files_limit(self._read(f"{pid}/limits")) or None

    def name(self, pid: int) -> str | None:
        """
        Return the name of a process; None if it is gone.
        """
        status = self.status(pid) if pid else None
        return status.name if status is not None else None

    def _killed_in(self, pid: int, *, main: bool) -> Iterator[KilledTask]:
        for tid in self._threads(pid):
            status = self.status(pid, tid)
            if status is None or status.state in _DEAD:
                continue
            # A main process that exits has taken the signal, and may still wait for something.
            if status.kill_pending or (main and tid == pid and self.is_ending(pid)):
                yield self._described(tid, status, main=main)

    def _described(self, tid: int, status: TaskStatus, *, main: bool) -> KilledTask:
        waits = status.state not in (_ZOMBIE, _RUNNING)
        wchan = parse_wchan(self._read(f"{status.pid}/task/{tid}/wchan")) if waits else None
        if waits and wchan is None:
            self.unread.add("wchan")
        return KilledTask(
            pid=status.pid,
            tid=tid,
            name=status.name,
            state=status.state,
            main=main,
            wchan=wchan,
            stack=parse_stack(self._read(f"{status.pid}/task/{tid}/stack"))[:_MAX_FRAMES] if waits else (),
            tracer_pid=status.tracer_pid or None,
            tracer_name=self.name(status.tracer_pid),
            parent_pid=status.parent_pid or None,
            parent_name=self.name(status.parent_pid),
        )

    def _threads(self, pid: int) -> list[int]:
        try:
            with os.scandir(self.proc / str(pid) / "task") as entries:
                return sorted(int(entry.name) for entry in entries)[:_MAX_THREADS]
        except OSError:
            return []

    def _read(self, path: str) -> bytes:
        try:
            file = os.open(f"{self.proc}/{path}", os.O_RDONLY | os.O_CLOEXEC)
        except PermissionError:
            self.unread.add(path.rpartition("/")[2])
            return b""
        except OSError:
            return b""
        try:
            return os.read(file, _READ_BYTES)
        except PermissionError:
            self.unread.add(path.rpartition("/")[2])
            return b""
        except OSError:
            return b""
        finally:
            os.close(file)

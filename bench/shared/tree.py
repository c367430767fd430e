"""
The CPU time of a process with everything that it starts.
"""

import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_LOOK_S: Final = 0.2
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
# Of /proc/PID/stat after the name: the parent, and user and system time.
_PARENT: Final = 1
_TIMES: Final = slice(11, 13)


class TreeCpu:
    """
    Looks at the processes below one again and again, because some end without their time being counted."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._found: dict[int, tuple[str, float]] = {}

    @property
    def by_program(self) -> dict[str, float]:
        """
        CPU seconds by the name of the program.
        """
        found: dict[str, float] = {}
        for name, spent_s in self._found.values():
            found[name] = found.get(name, 0.0) + spent_s
        return found

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        before = set(_processes(os.getpid()))
        while not self._stop.wait(_LOOK_S):
            for pid, seen in _processes(os.getpid()).items():
                if pid not in before:
                    self._found[pid] = seen


def _processes(root: int) -> dict[int, tuple[str, float]]:
    """
    Return name and CPU seconds of every process below one.
    """
    seen: dict[int, tuple[int, str, float]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            head, _, rest = (folder / "stat").read_text().rpartition(")")
        except OSError:
            continue
        fields = rest.split()
        spent_s = sum(map(int, fields[_TIMES])) / _TICKS_PER_S
        seen[int(folder.name)] = (int(fields[_PARENT]), head.partition("(")[2], spent_s)
    below = {root}
    while more := {pid for pid, (parent, _, _) in seen.items() if parent in below} - below:
        below |= more
    return {pid: seen[pid][1:] for pid in below - {root} if pid in seen}

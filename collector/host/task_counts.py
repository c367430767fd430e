"""
Counts the tasks of a cgroup against its limit, and the zombies among them.

A process that has ended keeps its place in the limit until its parent reaps it, and is no longer listed in its cgroup:
so zombies are found by their parents. Formats: cgroup-v2(7), "PID"; the files have the same names in v1.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Final

from collector.host.procfs import ProcFiles
from sinks.event import ParentProcess, TaskLimit

_ROOT: Final = Path("/sys/fs/cgroup")
_READ_BYTES: Final = 65_536
_LEVELS_AT_MOST: Final = 16
_PROCESSES_AT_MOST: Final = 20_000


def count_tasks(cgroup: str, files: ProcFiles, root: Path = _ROOT) -> TaskLimit | None:
    """
    Return the limit of tasks that a cgroup has reached, its own or that of one above it.

    Args:
        cgroup: its path in the hierarchy, as the kernel prints it.
        files: reads /proc.
        root: where cgroups are mounted.

    Returns:
        None where the path is not whole or no level has a limit.
    """
    hierarchy = root / "pids" if (root / "pids").is_dir() else root
    levels = list(_levels(hierarchy, cgroup))
    if not levels:
        return None
    # The highest share of its limit: the one that was reached, or was a moment ago.
    path, tasks, tasks_max = max(levels, key=lambda level: level[1] / level[2])
    parents = _parents_of_zombies(_pids(hierarchy / cgroup.lstrip("/")), files)
    parent = parents.most_common(1)[0][0] if parents else None
    return TaskLimit(
        cgroup=path,
        tasks=tasks,
        tasks_max=tasks_max,
        zombies=parents.total(),
        zombies_of=ParentProcess(pid=parent, name=files.comm(parent)) if parent is not None else None,
    )


def _levels(hierarchy: Path, cgroup: str) -> Iterator[tuple[str, int, int]]:
    """
    Yield path, tasks and limit of the cgroup and of those above it, where they have a limit.
    """
    path = PurePosixPath(cgroup)
    if not path.is_absolute() or ".." in path.parts:
        return
    for level in islice((path, *path.parents), _LEVELS_AT_MOST):
        directory = hierarchy / str(level).lstrip("/")
        tasks, tasks_max = _number(directory / "pids.current"), _number(directory / "pids.max")
        if tasks is not None and tasks_max:
            yield str(level), tasks, tasks_max


def _number(file: Path) -> int | None:
    """
    Return the number in a file; None for `max`, and where there is none.
    """
    text = _text(file).strip()
    return int(text) if text.isascii() and text.isdecimal() else None


def _pids(directory: Path) -> frozenset[int]:
    return frozenset(int(word) for word in _text(directory / "cgroup.procs").split() if word.isdecimal())


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return stream.read(_READ_BYTES).decode("ascii", "replace")
    except OSError:
        return ""


def _parents_of_zombies(pids: frozenset[int], files: ProcFiles) -> "Counter[int]":
    """
    Count the zombies by their parents, of which only the given ones count.
    """
    stats = (files.stat(pid) for pid in islice(files.pids(), _PROCESSES_AT_MOST))
    return Counter(stat.parent_pid for stat in stats if stat is not None and stat.ended and stat.parent_pid in pids)

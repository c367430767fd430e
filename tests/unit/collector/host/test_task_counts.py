"""
The tasks of a cgroup against its limit.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.host.procfs import ProcFiles
from collector.host.task_counts import count_tasks

CGROUP = "/slice/docker-a.scope"


def level(root: Path, path: str, current: str, limit: str, procs: str = "") -> None:
    """
    Write the files of a cgroup.
    """
    directory = root / path.lstrip("/")
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in (("pids.current", current), ("pids.max", limit), ("cgroup.procs", procs)):
        (directory / name).write_text(text)


@pytest.fixture
def zombie() -> Iterator[int]:
    """
    A child of this process that has ended and is not reaped.
    """
    with subprocess.Popen(["/bin/true"]) as child:
        while (stat := ProcFiles().stat(child.pid)) is not None and not stat.ended:
            time.sleep(0.01)
        yield child.pid


def test_its_own_limit(tmp_path: Path, zombie: int) -> None:
    """
    The container's own limit, and its zombie with the parent.
    """
    level(tmp_path, CGROUP, "4\n", "4\n", f"{os.getpid()}\n")
    level(tmp_path, "/slice", "9\n", "max\n")
    limit = count_tasks(CGROUP, ProcFiles(), tmp_path)
    assert limit is not None
    assert (limit.cgroup, limit.tasks, limit.tasks_max, limit.zombies) == (CGROUP, 4, 4, 1)
    assert limit.zombies_of is not None
    assert (limit.zombies_of.pid, limit.zombies_of.name) == (os.getpid(), ProcFiles().comm(os.getpid()))


@pytest.mark.parametrize("folder", ["", "pids"], ids=["v2", "v1"])
def test_the_limit_of_a_parent(folder: str, tmp_path: Path) -> None:
    """
    Of several limits the one that is nearest is meant; cgroup v1 has a folder of its own for them.
    """
    level(tmp_path / folder, CGROUP, "4", "1000")
    level(tmp_path / folder, "/slice", "100", "100")
    limit = count_tasks(CGROUP, ProcFiles(), tmp_path)
    assert limit is not None
    assert (limit.cgroup, limit.tasks_max, limit.zombies_of) == ("/slice", 100, None)


@pytest.mark.parametrize("cgroup", [CGROUP, "/", "docker-a.scope", "/../secret", ""])
def test_no_limit(cgroup: str, tmp_path: Path) -> None:
    """
    Without a limit, and for a path that is not whole or leads elsewhere, there is nothing to say.
    """
    level(tmp_path / "pids", CGROUP, "4", "max")
    level(tmp_path, "/secret", "4", "4")
    level(tmp_path / "pids", "/slice", "x", "0")
    assert count_tasks(cgroup, ProcFiles(), tmp_path) is None

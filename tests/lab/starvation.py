"""
Ways to take the CPU away from a process: a quota, a pause, and neighbours that want it as well.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_CGROUPS: Final = Path("/sys/fs/cgroup")
_V2: Final = (_CGROUPS / "cgroup.controllers").exists()
_PERIOD_US: Final = 100_000
# What cpu.shares of cgroup v1 has by default, as cpu.weight of v2 has 100.
_SHARES_OF_100: Final = 1024


@contextmanager
def starved(pid: int, percent: float) -> Iterator[None]:
    """
    Give a process so much of one core, and all of it again at the end.

    Args:
        pid: the process, with all its threads.
        percent: of one core.
    """
    if _V2:
        (_CGROUPS / "cgroup.subtree_control").write_text("+cpu")
    group = (_CGROUPS if _V2 else _CGROUPS / "cpu") / f"exit137starved{pid}"
    group.mkdir()
    _limit(group, f"{int(percent * _PERIOD_US / 100)}")
    before = _group_of(pid)
    (group / "cgroup.procs").write_text(str(pid))
    try:
        yield
    finally:
        _limit(group, "max" if _V2 else "-1")
        (before / "cgroup.procs").write_text(str(pid))
        group.rmdir()


@contextmanager
def frozen(pid: int, seconds: float) -> Iterator[None]:
    """
    Stop a process now, and let it go on after so many seconds; the context ends no earlier.
    """
    os.kill(pid, signal.SIGSTOP)
    began_s = time.monotonic()
    thaw = threading.Timer(seconds, os.kill, (pid, signal.SIGCONT))
    thaw.start()
    try:
        yield
    finally:
        time.sleep(max(began_s + seconds - time.monotonic(), 0))
        thaw.join()


@contextmanager
def busy_cores(loops_per_core: int) -> Iterator[None]:
    """
    Run busy loops beside everything else.
    """
    loops = [
        subprocess.Popen(["/bin/sh", "-c", "while :; do :; done"])
        for _ in range(loops_per_core * (os.cpu_count() or 1))
    ]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


@contextmanager
def busy_neighbours(pid: int, neighbours: int, *, weight: int | None, nice: int = 0) -> Iterator[None]:
    """
    Run busy loops beside a process.

    Args:
        pid: the process, with all its threads.
        neighbours: how many loops.
        weight: as CPUWeight of systemd: the process and each loop have a cgroup of their own, the loops with 100. None:
            all are in one cgroup, as on a host without the cpu controller, where only `nice` counts.
        nice: the priority of the process.
    """
    if _V2:
        (_CGROUPS / "cgroup.subtree_control").write_text("+cpu")
    parent, before = _CGROUPS if _V2 else _CGROUPS / "cpu", _group_of(pid)
    groups = [parent / f"exit137busy{pid}-{number}" for number in range(1 if weight is None else neighbours + 1)]
    loops: list[subprocess.Popen[bytes]] = []
    for group in groups:
        group.mkdir()
        _weigh(group, 100)
    try:
        _weigh(groups[0], weight or 100)
        (groups[0] / "cgroup.procs").write_text(str(pid))
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.setpriority(os.PRIO_PROCESS, int(task.name), nice)
        for number in range(neighbours):
            loops.append(subprocess.Popen(["/bin/sh", "-c", "while :; do :; done"]))
            (groups[(number + 1) % len(groups)] / "cgroup.procs").write_text(str(loops[-1].pid))
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
        (before / "cgroup.procs").write_text(str(pid))
        for group in groups:
            group.rmdir()


def _weigh(group: Path, weight: int) -> None:
    if _V2:
        (group / "cpu.weight").write_text(str(weight))
    else:
        (group / "cpu.shares").write_text(str(weight * _SHARES_OF_100 // 100))


def _limit(group: Path, quota_us: str) -> None:
    if _V2:
        (group / "cpu.max").write_text(f"{quota_us} {_PERIOD_US}")
    else:
        (group / "cpu.cfs_quota_us").write_text(quota_us)


def _group_of(pid: int) -> Path:
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if _V2 or "cpu" in controllers.split(","):
            return (_CGROUPS if _V2 else _CGROUPS / "cpu") / path.removeprefix("/")
    raise LookupError(f"process {pid} is in no cpu cgroup")

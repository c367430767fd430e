"""
Changes the host for a scenario: cgroups with limits above containers, earlyoom, few pids.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import docker

from tests.lab.waiting import wait_until

_CGROUPS: Final = Path("/sys/fs/cgroup")
_PID_MAX: Final = Path("/proc/sys/kernel/pid_max")
_EARLYOOM: Final = Path(__file__).parents[2] / ".cache/earlyoom/usr/bin/earlyoom"
_ACTS_S: Final = 20.0

CGROUP_V2: Final = (_CGROUPS / "cgroup.controllers").exists()
# The hierarchies that journald may read: the only one, or with cgroup v1 its own or that of v2.
_SYSTEMD_CGROUPS: Final = (_CGROUPS, _CGROUPS / "systemd", _CGROUPS / "unified")
_MEMORY_CGROUPS: Final = _CGROUPS if CGROUP_V2 else _CGROUPS / "memory"


@contextmanager
def limited_parent(client: docker.DockerClient, limit_bytes: int) -> Iterator[str]:
    """
    Create a cgroup with a memory limit; yield its name for `--cgroup-parent`.
    """
    if client.info()["CgroupDriver"] == "systemd":
        name = "exit137live.slice"
        subprocess.run(["systemctl", "set-property", "--runtime", name, f"MemoryMax={limit_bytes}"], check=True)
        yield name
        subprocess.run(["systemctl", "stop", name], check=True)
        subprocess.run(["systemctl", "revert", name], check=True)
        return
    if CGROUP_V2:
        (_CGROUPS / "cgroup.subtree_control").write_text("+memory")
    group = _MEMORY_CGROUPS / "exit137live"
    group.mkdir(exist_ok=True)
    (group / ("memory.max" if CGROUP_V2 else "memory.limit_in_bytes")).write_text(str(limit_bytes))
    yield f"/{group.name}"
    wait_until(lambda: not any(path.is_dir() for path in group.iterdir()), _ACTS_S, f"{group} is empty")
    group.rmdir()


def nest(pid: int) -> None:
    """
    Move a process into a new cgroup below its own.
    """
    group = _memory_cgroup(pid) / "nested"
    group.mkdir()
    (group / "cgroup.procs").write_text(str(pid))


def kill_as_group(pid: int) -> None:
    """
    Set memory.oom.group for the cgroup of a process (cgroup v2).
    """
    (_memory_cgroup(pid) / "memory.oom.group").write_text("1")


@contextmanager
def earlyoom(prefer: str, act_below_kib: int) -> Iterator[subprocess.Popen[bytes]]:
    """
    Run the real earlyoom, which writes to the journal and prefers to kill one process name.

    It runs in the cgroup in which systemd would run it, because journald names that cgroup in each of its lines.

    Args:
        prefer: the comm of the process to kill.
        act_below_kib: earlyoom acts when less memory than this is available.
    """
    limits = f"{act_below_kib},{act_below_kib}"
    command = ["systemd-cat", "-t", "earlyoom", str(_EARLYOOM), "-M", limits, "-s", "100", "-r", "0"]
    with _cgroup_of_service("earlyoom.service") as join, tempfile.TemporaryFile() as log:
        process = subprocess.Popen([*join, *command, "--prefer", f"^{prefer}$"], stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@contextmanager
def _cgroup_of_service(unit: str) -> Iterator[list[str]]:
    """
    Create the cgroup of a service; yield the beginning of a command line that runs in it.
    """
    groups = [root / "system.slice" / unit for root in _SYSTEMD_CGROUPS if (root / "cgroup.procs").exists()]
    for group in groups:
        group.mkdir(parents=True, exist_ok=True)
    joining = "".join(f"echo $$ > {group}/cgroup.procs; " for group in groups)
    try:
        yield ["/bin/sh", "-c", f'{joining}exec "$@"', "sh"]
    finally:
        for group in groups:
            wait_until(lambda group=group: not (group / "cgroup.procs").read_text(), _ACTS_S, f"{group} is empty")
            group.rmdir()


def available_kib() -> int:
    """
    Return MemAvailable of /proc/meminfo.
    """
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1])
    raise LookupError("no MemAvailable in /proc/meminfo")


def _memory_cgroup(pid: int) -> Path:
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == ("" if CGROUP_V2 else "memory"):
            return _MEMORY_CGROUPS / path.removeprefix("/")
    raise LookupError(f"process {pid} is in no memory cgroup")


@contextmanager
def few_pids(pid_max: int) -> Iterator[None]:
    """
    Limit the host to so many pids, and use them up all the time, so that pids are used again soon.
    """
    before = _PID_MAX.read_text()
    _PID_MAX.write_text(str(pid_max))
    try:
        with subprocess.Popen(["/bin/sh", "-c", "while :; do /bin/true; done"]) as loop:
            try:
                yield
            finally:
                loop.kill()
    finally:
        _PID_MAX.write_text(before)

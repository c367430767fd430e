"""
Tests of the processes source on a real kernel and with real containers.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from parsers.proc_event import WaitStatus
from tests.lab.follower import Follower
from tests.lab.lab import Lab
from tests.lab.waiting import wait_until

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]
SIGKILL = WaitStatus(exit_code=None, signal=9)
_EXEC_IN_A_THREAD = """
import os, sys, threading
sys.stdin.readline()
threading.Thread(target=os.execv, args=("/bin/sh", ["sh", "-c", "sleep 0.3; exit 137"])).start()
"""
_OPEN = """
from collector.sources.base import SourceError
from collector.sources.processes.connector import ProcessConnector
try:
    ProcessConnector(4096).close()
    print("open")
except SourceError as error:
    print(type(error).__name__, error)
"""


def _exit(code: int) -> WaitStatus:
    return WaitStatus(exit_code=code, signal=None)


@pytest.fixture
def follower() -> Iterator[Follower]:
    """
    A source that runs during the test.
    """
    with Follower() as follower:
        yield follower


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """
    A cgroup with the name of a container that Docker does not know.
    """
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    root = next(Path(mount[1]) for mount in mounts if mount[2] == "cgroup2")
    path = root / f"exit137-{os.getpid()}" / ("4e1d" * 16)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        path.rmdir()
        path.parent.rmdir()


def test_exit_137_and_sigkill(lab: Lab, follower: Follower) -> None:
    """
    A child that exits with 137 and one that is killed have different statuses, each in the right container.
    """
    box = lab.run("/bin/sh", "-c", "sleep 0.2; sh -c 'exit 137'; sh -c 'kill -9 $$'; exit 3")
    box.wait(3)
    follower.wait_for(lambda: len(follower.ends(box.id)) >= 4, "four ends are reported")
    ends = follower.ends(box.id)
    assert [end.status for end in ends] == [_exit(0), _exit(137), SIGKILL, _exit(3)]
    assert [end.ancestors for end in ends] == [("sh",), ("sh",), ("sh",), ()]
    assert follower.gaps() == []


def test_earlier_containers_are_known(lab: Lab) -> None:
    """
    A container that ran before the source is known with its command line, secrets masked.
    """
    box = lab.run("/bin/sh", "-c", "sleep 1000; exit 0", "--token=hunter2")
    main = box.main_pid()
    wait_until(lambda: "sleep" in _children(main), 10, "sleep runs")
    with Follower() as follower:
        box.container.kill()
        follower.wait_for(lambda: len(follower.ends(box.id)) >= 2, "two ends are reported")
    ends = {end.pid: end for end in follower.ends(box.id)}
    assert ends[main].status == SIGKILL
    assert ends[main].command_line == "/bin/sh -c sleep 1000; exit 0 --token=***"


def test_docker_exec(lab: Lab, follower: Follower) -> None:
    """
    A process of `docker exec` belongs to the container.
    """
    box = lab.run("hold")
    assert box.container.exec_run(["/bin/sh", "-c", "sleep 0.3; exit 7"]).exit_code == 7
    follower.wait_for(lambda: _exit(7) in [end.status for end in follower.ends(box.id)], "the end is reported")


def test_oom_victims_that_live_for_an_instant(lab: Lab, follower: Follower) -> None:
    """
    The exits of children that are OOM-killed within milliseconds of their fork are each reported once, in their
    container.
    """
    boxes = [lab.create("fork:6", "eat:64", "end", "wait", "exit:0", limit_mib=24) for _ in range(3)]
    for box in boxes:
        box.container.start()
    for box in boxes:
        box.wait(0)
        follower.wait_for(lambda box=box: _exit(0) in [end.status for end in follower.ends(box.id)], "its end")
        ends = follower.ends(box.id)
        assert [end.status for end in ends].count(SIGKILL) == 6
        assert len({(end.pid, end.started_ns) for end in ends}) == len(ends)


def test_processes_of_the_host(follower: Follower) -> None:
    """
    Processes outside containers are not reported.
    """
    for _ in range(50):
        subprocess.run(["/bin/sh", "-c", "exit 137"], check=False)
    assert follower.all_ends() == []


def test_a_program_that_another_thread_runs(cgroup: Path) -> None:
    """
    If a thread other than the first runs a program, the kernel reports an exit with 0; the process goes on, and its end
    is reported once.
    """
    command = [sys.executable, "-c", _EXEC_IN_A_THREAD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as process:
        (cgroup / "cgroup.procs").write_text(str(process.pid))
        with Follower() as follower:
            process.communicate("go\n")
            follower.wait_for(lambda: len(follower.ends(cgroup.name)) >= 2, "the end is reported")
    ends = [(end.pid == process.pid, end.comm, end.status) for end in follower.ends(cgroup.name)]
    assert ends == [(False, "sleep", _exit(0)), (True, "sh", _exit(137))]


def test_overrun(lab: Lab) -> None:
    """
    An overflow of the receive buffer is counted and reported; a scan finds which processes are gone.
    """
    gone, stays = lab.run("hold"), lab.run("hold")
    mains = {box: box.main_pid() for box in (gone, stays)}
    with Follower(receive_buffer_bytes=4096) as follower:

        def storm() -> None:
            for _ in range(200):
                subprocess.run(["/bin/true"], check=True)
            gone.container.kill()
            gone.wait(137)

        follower.while_deaf(storm)
        follower.wait_for(follower.gaps, "a gap is reported")
        follower.wait_for(lambda: follower.ends(gone.id), "the missed end is reported")
        stays.container.kill()
        follower.wait_for(lambda: follower.ends(stays.id), "the end is reported")
    gap = follower.gaps()[0]
    assert (gap.source, gap.what) == ("processes", "records_lost")
    assert (gap.count or 0) >= 100
    assert [(end.pid, end.status) for end in follower.ends(gone.id)] == [(mains[gone], None)]
    assert [(end.pid, end.status) for end in follower.ends(stays.id)] == [(mains[stays], SIGKILL)]


@pytest.mark.parametrize(
    ("wrapper", "answer"),
    [
        ((), "open"),
        (
            ("setpriv", "--bounding-set", "-net_admin"),
            "PrivilegeError reading the process connector is not permitted",
        ),
        (("unshare", "--net"), "SourceMissingError the process connector works only in the host's network namespace"),
        (("unshare", "--pid", "--fork"), "SourceMissingError the process connector works only in the host's PID"),
    ],
    ids=["root", "no CAP_NET_ADMIN", "other network namespace", "other PID namespace"],
)
def test_missing_privileges_and_namespaces_are_reported(wrapper: tuple[str, ...], answer: str) -> None:
    """
    Without the privilege or the namespaces the source raises an error instead of staying silent.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [*wrapper, sys.executable, "-c", _OPEN]
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    assert said.startswith(answer)


def _children(pid: int) -> set[str]:
    command = ["ps", "--no-headers", "-o", "comm", "--ppid", str(pid)]
    return set(subprocess.run(command, check=False, capture_output=True, text=True).stdout.split())

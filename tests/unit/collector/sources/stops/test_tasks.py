"""
The tasks of a container that are being killed, from files like those of /proc and from a real zombie.
"""

import os
import signal
import subprocess
from pathlib import Path

from collector.sources.stops.tasks import TaskReader
from tests.unit.collector.sources.stops.procs import process, thread


def test_only_tasks_with_a_pending_kill_count(tmp_path: Path) -> None:
    """
    Others of the container go on.
    """
    process(tmp_path, 10, state="D", killed=True, wchan="nfs_wait_bit_killable", stack="rpc_wait_bit_killable")
    process(tmp_path, 11)
    (task,) = TaskReader(tmp_path).killed([10, 11], None)
    assert (task.pid, task.state, task.wchan, task.stack) == (
        10,
        "D",
        "nfs_wait_bit_killable",
        ("rpc_wait_bit_killable",),
    )


def test_a_thread_is_named_with_its_process(tmp_path: Path) -> None:
    """
    One thread of a process may be stuck while the others are dead already.
    """
    process(tmp_path, 10, state="Z")
    thread(tmp_path, 10, 12, state="D", killed=True)
    tasks = TaskReader(tmp_path).killed([10], 10)
    assert [(task.pid, task.tid, task.state) for task in tasks] == [(10, 10, "Z"), (10, 12, "D")]


def test_the_main_process_comes_first(tmp_path: Path) -> None:
    """
    Even with a greater pid, and even if it has left the cgroup because it is dead.
    """
    process(tmp_path, 10, state="D", killed=True)
    process(tmp_path, 20, state="Z", parent=5, name="main")
    process(tmp_path, 5, name="shim")
    main, other = TaskReader(tmp_path).killed([10], 20)
    assert (main.pid, main.main, main.parent_name) == (20, True, "shim")
    assert (other.pid, other.main) == (10, False)


def test_a_tracer_is_named(tmp_path: Path) -> None:
    """
    It may be anywhere on the host.
    """
    process(tmp_path, 10, state="Z", tracer=77)
    process(tmp_path, 77, name="strace")
    (task,) = TaskReader(tmp_path).killed([], 10)
    assert (task.tracer_pid, task.tracer_name) == (77, "strace")


def test_what_may_not_be_read_is_listed(tmp_path: Path) -> None:
    """
    The kernel prints `0` for the function in which a process waits to whoever may not trace it.
    """
    process(tmp_path, 10, state="D", killed=True, wchan="0")
    reader = TaskReader(tmp_path)
    (task,) = reader.killed([10], 10)
    assert (task.wchan, reader.unread) == (None, {"wchan"})


def test_many_tasks_are_bounded(tmp_path: Path) -> None:
    """
    Eight explain a kill as well as a thousand.
    """
    for pid in range(100, 120):
        process(tmp_path, pid, state="D", killed=True)
    assert len(TaskReader(tmp_path).killed(range(100, 120), None)) == 8


def test_a_process_that_is_gone_is_no_task(tmp_path: Path) -> None:
    """
    Most of them end while they are read.
    """
    assert TaskReader(tmp_path).killed([10], 11) == ()


def test_a_real_zombie_is_found_with_its_parent() -> None:
    """
    A process that was killed and that its parent does not collect.
    """
    child = subprocess.Popen(["sleep", "60"])
    child.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    try:
        (task,) = TaskReader().killed([], child.pid)
        assert (task.state, task.name, task.parent_pid) == ("Z", "sleep", os.getpid())
    finally:
        child.wait()

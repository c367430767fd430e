"""
Tests of the process table: which container a process belongs to, from events and scans alone.
"""

import pytest

from collector.sources.processes.table import GRACE_NS, Process, ProcessTable
from parsers.cgroup_path import ContainerRef, Runtime

MS = 1_000_000
A, B = (ContainerRef(runtime=Runtime.DOCKER, id=letter * 64) for letter in "ab")


def _found(pid: int, container: ContainerRef | None = A, start_ns: int = 0, comm: str = "app") -> Process:
    return Process(pid=pid, start_ns=start_ns, parent_pid=1, container=container, comm=comm)


@pytest.fixture
def table() -> ProcessTable:
    """
    A table with process 10 of container A, started at 0.
    """
    table = ProcessTable()
    table.find(_found(10))
    return table


def test_a_child_belongs_to_its_parents_container(table: ProcessTable) -> None:
    """
    A child has the container, name and command line of its parent until it runs a program.
    """
    child = table.fork(11, 10, 500 * MS)
    assert child is not None
    assert (child.container, child.comm, child.parent_pid) == (A, "app", 10)


def test_children_of_unknown_processes_are_not_kept(table: ProcessTable) -> None:
    """
    A child of a process outside containers is not kept.
    """
    assert table.fork(11, 99, 500 * MS) is None
    assert 11 not in table.processes


def test_runtimes_are_kept(table: ProcessTable) -> None:
    """
    A container runtime and its children are kept, so that a container that it starts is known.
    """
    table.find(_found(20, container=None, comm="containerd-shim"))
    table.find(_found(30, container=None, comm="bash"))
    child = table.fork(21, 20, 500 * MS)
    assert child is not None
    assert table.outside_children(20) == [child]
    assert 30 not in table.processes


def test_entering_a_container(table: ProcessTable) -> None:
    """
    A process that a runtime moves into a container belongs to it from then on, and so do its children.
    """
    table.find(_found(20, container=None, comm="runc"))
    entered = table.fork(21, 20, 500 * MS)
    assert entered is not None
    table.set_container(entered, B)
    child = table.fork(22, 21, 600 * MS)
    assert child is not None
    assert child.container == B
    assert table.outside_children(20) == []


def test_ancestors(table: ProcessTable) -> None:
    """
    A process keeps the names of at most eight ancestors as of its fork, nearest first, none from outside its container.
    """
    for pid in range(11, 25):
        child = table.fork(pid, pid - 1, pid * MS * 100)
        assert child is not None
        table.rename(child, f"p{pid}")
    assert child.ancestors == ("p23", "p22", "p21", "p20", "p19", "p18", "p17", "p16")
    assert table.processes[10].ancestors == ()


def test_an_end_comes_once(table: ProcessTable) -> None:
    """
    A second exit of the same process is refused.
    """
    process = table.processes[10]
    assert table.exit(process, 500 * MS)
    assert not table.exit(process, 501 * MS)


def test_the_end_of_an_earlier_process(table: ProcessTable) -> None:
    """
    An exit before the start of the process belongs to another process that had the pid.
    """
    table.find(_found(12, start_ns=900 * MS))
    assert not table.exit(table.processes[12], 899 * MS)
    assert table.processes[12].died_ns is None


def test_a_pid_is_used_again(table: ProcessTable) -> None:
    """
    A pid that is used again belongs to the container of its new parent, or to none.
    """
    table.find(_found(20, container=B))
    table.fork(11, 10, 200 * MS)
    table.exit(table.processes[11], 210 * MS)
    again = table.fork(11, 20, 220 * MS)
    assert again is not None
    assert again.container == B
    table.exit(again, 230 * MS)
    assert table.fork(11, 99, 240 * MS) is None
    assert 11 not in table.processes
    assert table.take_missed() == []


def test_a_pid_is_used_again_and_the_end_was_missed(table: ProcessTable) -> None:
    """
    A fork with the pid of a process that seemed to run shows that its exit was missed.
    """
    old = table.processes[10]
    table.fork(10, 99, 500 * MS)
    assert table.take_missed() == [old]
    assert table.take_missed() == []


def test_a_scan_and_the_event_see_the_same_process(table: ProcessTable) -> None:
    """
    A process that a scan saw before its fork event was read counts once, although /proc rounds its start time.
    """
    table.find(_found(11, start_ns=500 * MS))
    assert table.fork(11, 99, 507 * MS) is None
    assert table.processes[11].container == A
    assert table.take_missed() == []


def test_dead_processes_have_a_grace_time(table: ProcessTable) -> None:
    """
    A dead process is kept for a grace time, as its threads may still fork, and forgotten after it.
    """
    table.exit(table.processes[10], 500 * MS)
    table.forget_dead(500 * MS + GRACE_NS - 1)
    assert table.fork(11, 10, 501 * MS) is not None
    table.forget_dead(500 * MS + GRACE_NS)
    assert 10 not in table.processes
    assert 11 in table.processes


def test_forgetting_spares_the_next_of_that_pid(table: ProcessTable) -> None:
    """
    When the grace time of a dead process ends, a running process with the same pid stays.
    """
    table.exit(table.processes[10], 100 * MS)
    table.find(_found(10, start_ns=300 * MS))
    table.forget_dead(GRACE_NS * 2)
    assert table.processes[10].start_ns == 300 * MS


def test_a_scan_corrects_the_container(table: ProcessTable) -> None:
    """
    A scan that finds a process in another container, or in none, corrects the table.
    """
    table.find(_found(10, container=B))
    assert table.processes[10].container == B
    table.find(_found(10, container=None))
    assert 10 not in table.processes
    assert table.take_missed() == []


def test_a_scan_finds_missed_exits(table: ProcessTable) -> None:
    """
    Processes older than the scan that it did not see are dead; processes forked since then are not.
    """
    old = table.processes[10]
    table.fork(11, 10, 900 * MS)
    table.end_scan(seen=set(), since_ns=800 * MS)
    assert table.take_missed() == [old]
    assert table.processes[11].died_ns is None


def test_a_full_table() -> None:
    """
    In a full table a new process replaces the oldest dead one; if none is dead, it is refused and counted.
    """
    table = ProcessTable(limit=2)
    table.find(_found(10))
    table.find(_found(11))
    assert table.fork(12, 10, 500 * MS) is None
    assert table.refused == 1
    table.exit(table.processes[11], 600 * MS)
    assert table.fork(12, 10, 700 * MS) is not None
    assert set(table.processes) == {10, 12}

"""
The process table: who belongs where, by events and findings alone.
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
    Knows process 10 of container A, started at 0.
    """
    table = ProcessTable()
    table.find(_found(10))
    return table


def test_a_child_belongs_where_its_parent_does(table: ProcessTable) -> None:
    """
    Container, name and command line are the parent's until the child runs a program.
    """
    child = table.fork(11, 10, 500 * MS)
    assert child is not None
    assert (child.container, child.comm, child.parent_pid) == (A, "app", 10)


def test_others_are_not_kept(table: ProcessTable) -> None:
    """
    A child of a process that is in no container is nobody's.
    """
    assert table.fork(11, 99, 500 * MS) is None
    assert 11 not in table.processes


def test_runtimes_are_kept(table: ProcessTable) -> None:
    """
    A container runtime and what it forks are followed, so that a container that comes out of it is known.
    """
    table.find(_found(20, container=None, comm="containerd-shim"))
    table.find(_found(30, container=None, comm="bash"))
    child = table.fork(21, 20, 500 * MS)
    assert child is not None
    assert table.outside_children(20) == [child]
    assert 30 not in table.processes


def test_entering_a_container(table: ProcessTable) -> None:
    """
    A process that a runtime puts into a container is the container's from then on, and its children are.
    """
    table.find(_found(20, container=None, comm="runc"))
    entered = table.fork(21, 20, 500 * MS)
    assert entered is not None
    table.place(entered, B)
    child = table.fork(22, 21, 600 * MS)
    assert child is not None
    assert child.container == B
    assert table.outside_children(20) == []


def test_ancestors(table: ProcessTable) -> None:
    """
    The names of the ancestors are those at the fork, nearest first, at most eight, none from outside.
    """
    for pid in range(11, 25):
        child = table.fork(pid, pid - 1, pid * MS * 100)
        assert child is not None
        table.rename(child, f"p{pid}")
    assert child.ancestors == ("p23", "p22", "p21", "p20", "p19", "p18", "p17", "p16")
    assert table.processes[10].ancestors == ()


def test_an_end_comes_once(table: ProcessTable) -> None:
    """
    The second end of a process is none.
    """
    process = table.processes[10]
    assert table.exit(process, 500 * MS)
    assert not table.exit(process, 501 * MS)


def test_the_end_of_an_earlier_process(table: ProcessTable) -> None:
    """
    An end from before the start is that of another process which had the pid.
    """
    table.find(_found(12, start_ns=900 * MS))
    assert not table.exit(table.processes[12], 899 * MS)
    assert table.processes[12].died_ns is None


def test_a_pid_is_used_again(table: ProcessTable) -> None:
    """
    The pid of a dead process of A, forked now in B, is B's; forked by the host, it is nobody's.
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
    A fork with the pid of a process that should be alive tells that its end was lost.
    """
    old = table.processes[10]
    table.fork(10, 99, 500 * MS)
    assert table.take_missed() == [old]
    assert table.take_missed() == []


def test_a_scan_and_the_event_see_the_same_process(table: ProcessTable) -> None:
    """
    A process that a scan saw before its fork was read is one, although /proc rounds its start.
    """
    table.find(_found(11, start_ns=500 * MS))
    assert table.fork(11, 99, 507 * MS) is None
    assert table.processes[11].container == A
    assert table.take_missed() == []


def test_the_dead_have_a_grace_time(table: ProcessTable) -> None:
    """
    Threads of a dead process still fork under its pid; after the grace time it is forgotten.
    """
    table.exit(table.processes[10], 500 * MS)
    table.forget_dead(500 * MS + GRACE_NS - 1)
    assert table.fork(11, 10, 501 * MS) is not None
    table.forget_dead(500 * MS + GRACE_NS)
    assert 10 not in table.processes
    assert 11 in table.processes


def test_forgetting_spares_the_next_of_that_pid(table: ProcessTable) -> None:
    """
    When the grace time of a dead process ends, a living one with its pid stays.
    """
    table.exit(table.processes[10], 100 * MS)
    table.find(_found(10, start_ns=300 * MS))
    table.forget_dead(GRACE_NS * 2)
    assert table.processes[10].start_ns == 300 * MS


def test_a_scan_moves(table: ProcessTable) -> None:
    """
    A scan that sees a process in another container believes its eyes, and so where it is in none any more.
    """
    table.find(_found(10, container=B))
    assert table.processes[10].container == B
    table.find(_found(10, container=None))
    assert 10 not in table.processes
    assert table.take_missed() == []


def test_a_scan_finds_who_is_missing(table: ProcessTable) -> None:
    """
    Who is older than the scan and was not seen by it is dead; who was forked meanwhile is not.
    """
    old = table.processes[10]
    table.fork(11, 10, 900 * MS)
    table.miss(seen=set(), since_ns=800 * MS)
    assert table.take_missed() == [old]
    assert table.processes[11].died_ns is None


def test_a_full_table() -> None:
    """
    The oldest dead make room; when all live, the new one is refused and counted.
    """
    table = ProcessTable(limit=2)
    table.find(_found(10))
    table.find(_found(11))
    assert table.fork(12, 10, 500 * MS) is None
    assert table.refused == 1
    table.exit(table.processes[11], 600 * MS)
    assert table.fork(12, 10, 700 * MS) is not None
    assert set(table.processes) == {10, 12}

"""
From events to ends: the tracker, with a /proc of files.
"""

from pathlib import Path

import pytest

from collector.correlate.facts import ProcessExited
from collector.hostclock import BootClock
from collector.procfs import ProcFiles
from collector.sources.processes.table import ProcessTable
from collector.sources.processes.tracker import Tracker
from parsers.proc_event import WaitStatus
from tests.unit.collector.sources.processes.fakes import IDS, MS, FakeProc, end, execute, fork, rename

SIGKILL = WaitStatus(exit_code=None, signal=9)
SECOND = 1000 * MS


class Host:
    """
    A tracker over a /proc of files; time goes on by 10 ms with each event.
    """

    def __init__(self, root: Path) -> None:
        self.proc = FakeProc(root)
        self.table = ProcessTable()
        clock = BootClock(monotonic_ns=lambda: 0, wall_ns=lambda: 5000 * SECOND)
        self.tracker = Tracker(self.table, ProcFiles(self.proc.root), clock, offset_ns=lambda: 0)
        self.now_ns = SECOND

    def scan(self) -> None:
        """
        A scan from its beginning to its end.
        """
        for _ in self.tracker.scan(self.now_ns):
            pass

    def tell(self, *datagrams: bytes) -> list[ProcessExited]:
        """
        Events, as they are read; gives the ends.
        """
        facts = [self.tracker.feed(datagram, self.now_ns) for datagram in datagrams]
        return [fact for fact in facts if fact is not None]

    def wait(self, ns: int) -> list[ProcessExited]:
        """
        Time passes.
        """
        self.now_ns += ns
        return self.tracker.settle(self.now_ns)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """
    Container 0 runs process 10 (its main process), a shim (20) and dockerd (5) run, and so does a shell (30).
    """
    host = Host(tmp_path)
    host.proc.add(5, "dockerd")
    host.proc.add(10, "app", IDS[0], command_line="app --password=hunter2")
    host.proc.add(20, "containerd-shim")
    host.proc.add(30, "bash")
    host.scan()
    return host


def test_who_was_there_before(host: Host) -> None:
    """
    A process that was running at the start is known by the scan; its end carries all that is to be said.
    """
    (fact,) = host.tell(end(10, 0x0009, SECOND, parent_pid=20))
    assert fact.container.id == IDS[0]
    assert (fact.pid, fact.comm, fact.command_line) == (10, "app", "app --password=***")
    assert (fact.status, fact.parent_pid) == (SIGKILL, 20)
    assert (fact.monotonic_us, fact.started_ns, fact.at_ns) == (1_000_000, 5000 * SECOND, 5001 * SECOND)


def test_a_child_that_proc_never_showed(host: Host) -> None:
    """
    A child that lives for an instant is known although nobody could look at it.
    """
    (fact,) = host.tell(fork(11, 10, SECOND), end(11, 0x0009, SECOND + 1, parent_pid=10))
    assert (fact.container.id, fact.comm, fact.ancestors) == (IDS[0], "app", ("app",))


def test_exit_137_is_not_a_kill(host: Host) -> None:
    """
    The status tells a program that exits with 137 from one that was killed.
    """
    facts = host.tell(
        fork(11, 10, SECOND), end(11, 0x8900, SECOND + 1), fork(11, 10, SECOND + 2), end(11, 9, SECOND + 3)
    )
    assert [fact.status for fact in facts] == [WaitStatus(exit_code=137, signal=None), SIGKILL]


def test_a_program(host: Host) -> None:
    """
    A program's name and arguments are read when it starts, secrets masked; a name it gives itself counts.
    """
    host.proc.add(11, "worker", IDS[0], start_ns=SECOND, command_line="worker --token hunter2")
    (fact,) = host.tell(
        fork(11, 10, SECOND), execute(11, SECOND + 1), rename(11, b"worker: idle"), end(11, 9, SECOND + 2)
    )
    assert (fact.comm, fact.command_line) == ("worker: idle", "worker --token ***")


def test_a_program_that_was_too_short(host: Host) -> None:
    """
    What a program was called that ended before it could be looked at is unknown, not its parent's name.
    """
    (fact,) = host.tell(fork(11, 10, SECOND), execute(11, SECOND + 1), end(11, 9, SECOND + 2))
    assert (fact.container.id, fact.comm, fact.command_line) == (IDS[0], None, None)


def test_a_container_starts(host: Host) -> None:
    """
    A container's first process is put into its cgroup after its fork: seen at the latest when it runs.
    """
    host.proc.add(21, "runc", parent_pid=20)
    host.proc.add(22, "runc:[2:INIT]", parent_pid=21)
    host.tell(fork(21, 20, SECOND), execute(21, SECOND), fork(22, 21, SECOND))
    host.proc.add(22, "app", IDS[1], start_ns=SECOND, command_line="app")
    (fact,) = host.tell(execute(22, SECOND + 1), end(22, 9, SECOND + 2))
    assert (fact.container.id, fact.comm, fact.ancestors) == (IDS[1], "app", ())


def test_a_container_that_ends_as_it_starts(host: Host) -> None:
    """
    When runc ends, its child is in the container already: seen then, even if it is gone when it runs.
    """
    host.proc.add(21, "runc", parent_pid=20)
    host.proc.add(22, "runc:[2:INIT]", parent_pid=21)
    host.tell(fork(21, 20, SECOND), fork(22, 21, SECOND))
    host.proc.add(22, "runc:[2:INIT]", IDS[1], start_ns=SECOND)
    host.proc.remove(21)
    host.tell(end(21, 0, SECOND + 1))
    host.proc.remove(22)
    (fact,) = host.tell(execute(22, SECOND + 2), end(22, 9, SECOND + 3))
    assert (fact.container.id, fact.comm) == (IDS[1], None)


def test_processes_of_the_host(host: Host) -> None:
    """
    Nothing is kept or told of processes outside.
    """
    assert host.tell(fork(31, 30, SECOND), execute(31, SECOND + 1), end(31, 9, SECOND + 2)) == []
    assert 31 not in host.table.processes


def test_a_runtime_that_starts_later(host: Host) -> None:
    """
    A program that still runs after a while is looked up: a runtime is followed from then on, others are not.
    """
    host.tell(execute(40, SECOND), execute(41, SECOND))
    host.proc.add(40, "dockerd", start_ns=SECOND)
    host.proc.add(41, "nginx", start_ns=SECOND)
    assert host.tracker.waiting
    host.wait(100 * MS)
    assert 40 in host.table.processes
    assert 41 not in host.table.processes
    assert not host.tracker.waiting


def test_a_program_moves_between_containers(host: Host) -> None:
    """
    A process that runs a program in another cgroup than it was forked in is where it is now.
    """
    host.proc.add(11, "moved", IDS[1], start_ns=SECOND)
    (fact,) = host.tell(fork(11, 10, SECOND), execute(11, SECOND), end(11, 9, SECOND + 1))
    assert fact.container.id == IDS[1]


def test_a_program_moves_out(host: Host) -> None:
    """
    One that left its container while it lives is the host's.
    """
    host.proc.add(11, "moved", start_ns=SECOND)
    assert host.tell(fork(11, 10, SECOND), execute(11, SECOND), end(11, 9, SECOND + 1)) == []


def test_a_zombie_has_left_its_cgroup_on_v1(host: Host) -> None:
    """
    A process that ends seems to be in no container on cgroup v1: it stays where it was.
    """
    host.proc.add(11, "app", start_ns=SECOND, state="Z")
    (fact,) = host.tell(fork(11, 10, SECOND), execute(11, SECOND), end(11, 9, SECOND + 1))
    assert fact.container.id == IDS[0]


def test_a_missed_end(host: Host) -> None:
    """
    A scan finds who ended without an event: the container is told, the status is unknown.
    """
    host.proc.remove(10)
    host.scan()
    (fact,) = host.tracker.missed(host.now_ns)
    assert (fact.pid, fact.container.id, fact.status) == (10, IDS[0], None)
    assert host.tracker.missed(host.now_ns) == []


def test_a_missed_fork(host: Host) -> None:
    """
    A scan finds who was forked without an event.
    """
    host.proc.add(12, "app", IDS[0], start_ns=SECOND)
    host.scan()
    (fact,) = host.tell(end(12, 9, 2 * SECOND))
    assert fact.container.id == IDS[0]


def test_the_end_of_a_first_thread_is_none(host: Host) -> None:
    """
    A process whose first thread ended lives on, and still belongs to its container.
    """
    host.proc.add(10, "app", IDS[0], state="Z", threads=3)
    assert host.tell(end(10, 0, SECOND)) == []
    assert host.wait(SECOND // 2) == []
    (fact,) = host.tell(fork(11, 10, 2 * SECOND), end(11, 9, 2 * SECOND + 1))
    assert fact.container.id == IDS[0]
    host.proc.remove(10)
    (fact,) = host.wait(2 * SECOND)
    assert (fact.pid, fact.status) == (10, None)

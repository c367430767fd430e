"""
Tests of the tracker: from events to exits, with a /proc made of files.
"""

from pathlib import Path

import pytest

from collector.facts.kernel import ThreadCrashedFact
from collector.facts.observed import ProcessExitedFact
from collector.host.clock import BootClock
from collector.host.procfs import ProcFiles
from collector.sources.processes.table import ProcessTable
from collector.sources.processes.tracker import Tracker
from parsers.proc_event import WaitStatus
from tests.unit.collector.sources.processes.fakes import IDS, MS, FakeProc, crash, end, execute, fork, rename

SIGKILL = WaitStatus(exit_code=None, signal=9)
SECOND = 1000 * MS


class Host:
    """
    A tracker with a /proc made of files; a test moves its time.
    """

    def __init__(self, root: Path) -> None:
        self.proc = FakeProc(root)
        self.table = ProcessTable()
        clock = BootClock(monotonic_ns=lambda: 0, wall_ns=lambda: 5000 * SECOND)
        self.tracker = Tracker(self.table, ProcFiles(self.proc.root), clock, offset_ns=lambda: 0)
        self.now_ns = SECOND

    def scan(self) -> None:
        """
        Run a whole scan.
        """
        for _ in self.tracker.scan(self.now_ns):
            pass

    def feed(self, *datagrams: bytes) -> list[ProcessExitedFact]:
        """
        Feed events, and return the exits.
        """
        facts = [self.tracker.feed(datagram, self.now_ns) for datagram in datagrams]
        return [fact for fact in facts if fact is not None]

    def wait(self, ns: int) -> list[ProcessExitedFact]:
        """
        Let time pass, and return the exits that are certain by then.
        """
        self.now_ns += ns
        return self.tracker.recheck(self.now_ns)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """
    A host where container 0 runs process 10 (its main process), and a shim (20), dockerd (5) and a shell (30) run.
    """
    host = Host(tmp_path)
    host.proc.add(5, "dockerd")
    host.proc.add(10, "app", IDS[0], command_line="app --password=hunter2")
    host.proc.add(20, "containerd-shim")
    host.proc.add(30, "bash")
    host.scan()
    return host


def test_earlier_processes_are_known_by_the_scan(host: Host) -> None:
    """
    The exit of a process that ran before the agent carries all its details, from the scan.
    """
    (fact,) = host.feed(end(10, 0x0009, SECOND, parent_pid=20))
    assert fact.container.id == IDS[0]
    assert (fact.pid, fact.comm, fact.command_line) == (10, "app", "app --password=***")
    assert (fact.status, fact.parent_pid) == (SIGKILL, 20)
    assert (fact.monotonic_us, fact.started_ns, fact.at_ns) == (1_000_000, 5000 * SECOND, 5001 * SECOND)


def test_a_child_that_proc_never_showed(host: Host) -> None:
    """
    A child that lives too briefly for /proc is still known by its fork.
    """
    (fact,) = host.feed(fork(11, 10, SECOND), end(11, 0x0009, SECOND + 1, parent_pid=10))
    assert (fact.container.id, fact.comm, fact.ancestors) == (IDS[0], "app", ("app",))


def test_exit_137_is_not_a_kill(host: Host) -> None:
    """
    The status distinguishes an exit with 137 from a SIGKILL.
    """
    facts = host.feed(
        fork(11, 10, SECOND), end(11, 0x8900, SECOND + 1), fork(11, 10, SECOND + 2), end(11, 9, SECOND + 3)
    )
    assert [fact.status for fact in facts] == [WaitStatus(exit_code=137, signal=None), SIGKILL]


def test_a_program(host: Host) -> None:
    """
    Name and arguments of a program are read when it starts, with secrets masked; a later rename counts.
    """
    host.proc.add(11, "worker", IDS[0], start_ns=SECOND, command_line="worker --token hunter2")
    (fact,) = host.feed(
        fork(11, 10, SECOND), execute(11, SECOND + 1), rename(11, b"worker: idle"), end(11, 9, SECOND + 2)
    )
    assert (fact.comm, fact.command_line) == ("worker: idle", "worker --token ***")


def test_a_program_that_was_too_short(host: Host) -> None:
    """
    The name of a program that ended before it could be read is unknown, not its parent's name.
    """
    (fact,) = host.feed(fork(11, 10, SECOND), execute(11, SECOND + 1), end(11, 9, SECOND + 2))
    assert (fact.container.id, fact.comm, fact.command_line) == (IDS[0], None, None)


def test_a_container_starts(host: Host) -> None:
    """
    A container's first process, which enters its cgroup after its fork, is found when it runs the program.
    """
    host.proc.add(21, "runc", parent_pid=20)
    host.proc.add(22, "runc:[2:INIT]", parent_pid=21)
    host.feed(fork(21, 20, SECOND), execute(21, SECOND), fork(22, 21, SECOND))
    host.proc.add(22, "app", IDS[1], start_ns=SECOND, command_line="app", namespace_pid=1)
    (fact,) = host.feed(execute(22, SECOND + 1), end(22, 9, SECOND + 2))
    assert (fact.container.id, fact.comm, fact.ancestors, fact.namespace_pid) == (IDS[1], "app", (), 1)


@pytest.mark.parametrize(("uid", "found"), [(0, [(22, IDS[1], ()), (23, IDS[1], ("?",))]), (1000, [])])
def test_a_container_that_is_gone_when_its_events_are_read(
    host: Host, monkeypatch: pytest.MonkeyPatch, uid: int, found: list[tuple[int, str, tuple[str, ...]]]
) -> None:
    """
    What runc leaves behind is in the container that the shim names in its command line, if root runs the shim.
    """
    monkeypatch.setattr(ProcFiles, "uid", lambda _files, _pid: uid)
    shim = f"/usr/bin/containerd-shim-runc-v2 -namespace moby -id {IDS[1]} -address /run/containerd.sock"
    host.proc.add(40, "containerd-shim", command_line=shim)
    host.feed(fork(40, 20, SECOND), execute(40, SECOND))
    host.proc.remove(40)
    host.feed(fork(21, 40, SECOND), execute(21, SECOND), fork(22, 21, SECOND), end(21, 0, SECOND + 1, parent_pid=40))
    host.feed(execute(22, SECOND + 2), fork(23, 22, SECOND + 3))
    facts = host.feed(end(23, 9, SECOND + 4, parent_pid=22), end(22, 0x8900, SECOND + 5, parent_pid=40))
    assert sorted((fact.pid, fact.container.id, fact.ancestors) for fact in facts) == found


def test_a_container_that_ends_as_it_starts(host: Host) -> None:
    """
    When runc exits, its child is found in the container, even if the child is gone when its program event is read.
    """
    host.proc.add(21, "runc", parent_pid=20)
    host.proc.add(22, "runc:[2:INIT]", parent_pid=21)
    host.feed(fork(21, 20, SECOND), fork(22, 21, SECOND))
    host.proc.add(22, "runc:[2:INIT]", IDS[1], start_ns=SECOND)
    host.proc.remove(21)
    host.feed(end(21, 0, SECOND + 1))
    host.proc.remove(22)
    (fact,) = host.feed(execute(22, SECOND + 2), end(22, 9, SECOND + 3))
    assert (fact.container.id, fact.comm) == (IDS[1], None)


def test_processes_of_the_host(host: Host) -> None:
    """
    Processes outside containers are neither kept nor reported.
    """
    assert host.feed(fork(31, 30, SECOND), execute(31, SECOND + 1), end(31, 9, SECOND + 2)) == []
    assert 31 not in host.table.processes


def test_a_runtime_that_starts_later(host: Host) -> None:
    """
    A program that still runs after a while is looked up: a runtime is kept, others are not.
    """
    host.feed(execute(40, SECOND), execute(41, SECOND))
    host.proc.add(40, "dockerd", start_ns=SECOND)
    host.proc.add(41, "nginx", start_ns=SECOND)
    assert host.tracker.due_ns is not None
    host.wait(100 * MS)
    assert 40 in host.table.processes
    assert 41 not in host.table.processes
    assert host.tracker.due_ns is None


def test_a_program_moves_between_containers(host: Host) -> None:
    """
    A process that runs a program in another cgroup than it was forked in belongs to the new one.
    """
    host.proc.add(11, "moved", IDS[1], start_ns=SECOND)
    (fact,) = host.feed(fork(11, 10, SECOND), execute(11, SECOND), end(11, 9, SECOND + 1))
    assert fact.container.id == IDS[1]


def test_a_program_moves_out(host: Host) -> None:
    """
    A running process that has left its container belongs to the host.
    """
    host.proc.add(11, "moved", start_ns=SECOND)
    assert host.feed(fork(11, 10, SECOND), execute(11, SECOND), end(11, 9, SECOND + 1)) == []


def test_a_zombie_has_left_its_cgroup_on_v1(host: Host) -> None:
    """
    A process that is exiting seems to be outside containers on cgroup v1, but still belongs to its own.
    """
    host.proc.add(11, "app", start_ns=SECOND, state="Z")
    (fact,) = host.feed(fork(11, 10, SECOND), execute(11, SECOND), end(11, 9, SECOND + 1))
    assert fact.container.id == IDS[0]


def test_a_missed_end(host: Host) -> None:
    """
    A scan finds a process that exited without an event; its container is known, its status is not.
    """
    host.proc.remove(10)
    host.scan()
    (fact,) = host.tracker.missed(host.now_ns)
    assert (fact.pid, fact.container.id, fact.status) == (10, IDS[0], None)
    assert host.tracker.missed(host.now_ns) == []


def test_a_missed_fork(host: Host) -> None:
    """
    A scan finds a process that was forked without an event.
    """
    host.proc.add(12, "app", IDS[0], start_ns=SECOND)
    host.scan()
    (fact,) = host.feed(end(12, 9, 2 * SECOND))
    assert fact.container.id == IDS[0]


def test_the_end_of_a_first_thread_is_not_an_exit(host: Host) -> None:
    """
    A process whose first thread has ended goes on, and its children still belong to its container.
    """
    host.proc.add(10, "app", IDS[0], state="Z", threads=3)
    assert host.feed(end(10, 0, SECOND)) == []
    assert host.wait(SECOND // 2) == []
    (fact,) = host.feed(fork(11, 10, 2 * SECOND), end(11, 9, 2 * SECOND + 1))
    assert fact.container.id == IDS[0]
    host.proc.remove(10)
    (fact,) = host.wait(2 * SECOND)
    assert (fact.pid, fact.status) == (10, None)


def test_the_crash_of_a_thread(host: Host) -> None:
    """
    The crash of a thread names its process and the container; one of a process of the host gives nothing.
    """
    at_ns = host.now_ns + 7 * MS
    crashes = [host.tracker.feed(datagram, host.now_ns) for datagram in (crash(12, 10, at_ns), crash(31, 30, at_ns))]
    (fact, of_host) = crashes
    assert isinstance(fact, ThreadCrashedFact)
    assert (fact.tid, fact.pid, fact.container.id) == (12, 10, IDS[0])
    assert fact.at_ns == 5000 * SECOND + at_ns
    assert of_host is None

"""
Tests of turning trace lines into facts, with a /proc made of files.
"""

from pathlib import Path

import pytest

from collector.facts.observed import Fact, GapFact, SignalFact, VictimMarkedFact
from collector.host.procfs import ProcFiles
from collector.sources.trace.lines import TraceLines
from tests.unit.collector.sources.processes.fakes import IDS, FakeProc

SECOND = 1_000_000_000
NOW_NS = 5000 * SECOND
SENT = (
    b"            bash-20      [001] d..1.    10.500000: signal_generate: "
    b"sig=9 errno=0 code=0 comm=app pid=30 grp=1 res=0\n"
)
MARKED = b"            java-40      [000] .....    10.600000: mark_victim: pid=10\n"


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    """
    A /proc with process 10 in container 0 and a shell (20) in container 1, both started at boot.
    """
    proc = FakeProc(tmp_path)
    proc.add(10, "app", IDS[0])
    proc.add(20, "bash", IDS[1])
    Path(proc.root, "20/exe").symlink_to("/bin/bash")
    return proc


@pytest.fixture
def lines(proc: FakeProc) -> TraceLines:
    """
    A parser that reads this /proc, 20 s after the boot of a host that was never suspended.
    """
    return TraceLines(
        ProcFiles(proc.root), wall_ns=lambda: NOW_NS, monotonic_ns=lambda: 20 * SECOND, offset_ns=lambda: 0
    )


def only(facts: tuple[Fact, ...]) -> Fact:
    (fact,) = facts
    return fact


def test_a_victim_and_its_container(lines: TraceLines) -> None:
    """
    The kernel gives only the pid of a victim; /proc still shows its container.
    """
    fact = only(lines.feed(MARKED))
    assert isinstance(fact, VictimMarkedFact)
    assert (fact.pid, fact.at_ns, fact.container and fact.container.id) == (10, NOW_NS - 9_400_000_000, IDS[0])


def test_a_later_process_with_the_pid_is_not_the_victim(lines: TraceLines, proc: FakeProc) -> None:
    """
    If the pid belongs to a later process by now, the victim's container is unknown.
    """
    proc.add(10, "app", IDS[1], start_ns=11 * SECOND)
    fact = only(lines.feed(MARKED))
    assert isinstance(fact, VictimMarkedFact)
    assert fact.container is None


def test_a_sender(lines: TraceLines) -> None:
    """
    The container and user of a sender are read from /proc while it runs.
    """
    fact = only(lines.feed(SENT))
    assert isinstance(fact, SignalFact)
    assert (fact.sender_pid, fact.sender_comm, fact.target_pid) == (20, "bash", 30)
    assert (fact.sender_container and fact.sender_container.id, fact.sender_uid is None) == (IDS[1], False)
    assert (fact.sender_exe, fact.sender_placed) == ("/bin/bash", True)


def test_the_cgroup_of_a_sender_that_exits_means_nothing(lines: TraceLines, proc: FakeProc) -> None:
    """
    A sender that is exiting has left its cgroup on cgroup v1: it was not necessarily outside of all containers.
    """
    proc.add(20, "runc", state="Z")
    fact = only(lines.feed(SENT))
    assert isinstance(fact, SignalFact)
    assert (fact.sender_container, fact.sender_unit, fact.sender_placed) == (None, None, False)


def test_a_later_process_with_the_pid_is_not_the_sender(lines: TraceLines, proc: FakeProc) -> None:
    """
    If the pid belongs to a later process by now, only what the trace itself says about the sender is reported.
    """
    proc.add(20, "cron", IDS[0], start_ns=12 * SECOND)
    fact = only(lines.feed(SENT))
    assert isinstance(fact, SignalFact)
    assert (fact.sender_comm, fact.sender_container, fact.sender_uid, fact.sender_unit) == ("bash", None, None, None)


def test_lines_come_in_pieces(lines: TraceLines) -> None:
    """
    An incomplete line waits for its rest.
    """
    assert lines.feed(SENT[:40]) == ()
    assert len(lines.feed(SENT[40:] + MARKED)) == 2


def test_lost_events_are_a_gap(lines: TraceLines) -> None:
    """
    Lost events give a gap with their number, and a malformed line is counted as garbage.
    """
    fact = only(lines.feed(b"CPU:1 [LOST 12 EVENTS]\n"))
    assert isinstance(fact, GapFact)
    assert (fact.what, fact.count, lines.garbage) == ("events_lost", 12, 0)
    assert lines.feed(b"            bash-20      [001] d..1.    10.500000: signal_generate: sig=x\n") == ()
    assert lines.garbage == 1


RUN = (
    b"            crun-50      [000] .....    10.400000: sched_process_exec: filename=/usr/bin/crun pid=50 old_pid=50\n"
)
KILLS = (
    b"            crun-50      [000] .....    10.500000: signal_generate: "
    b"sig=9 errno=0 code=0 comm=app pid=30 grp=1 res=0\n"
)
ENDS = b"            crun-50      [000] .....    10.600000: sched_process_exit: comm=crun pid=50 prio=120\n"


def test_a_runtime_that_is_gone_was_read_when_it_began(lines: TraceLines, proc: FakeProc) -> None:
    """
    crun sends its signal and ends within milliseconds.
    """
    proc.add(50, "crun", start_ns=10 * SECOND)
    assert lines.feed(RUN) == ()
    proc.remove(50)
    fact = only(lines.feed(KILLS))
    assert isinstance(fact, SignalFact)
    assert (fact.sender_comm, fact.sender_placed, fact.sender_uid is None) == ("crun", True, False)


@pytest.mark.parametrize(
    "between",
    [ENDS, b" CPU:1 [LOST 12 EVENTS]\n"],
    ids=["it has ended", "its end may be lost"],
)
def test_a_later_process_is_not_the_runtime(lines: TraceLines, proc: FakeProc, between: bytes) -> None:
    """
    After the end of the runtime its pid may be that of a user's program with the same name.
    """
    proc.add(50, "crun", start_ns=10 * SECOND)
    lines.feed(RUN)
    proc.remove(50)
    lines.feed(between)
    fact = only(lines.feed(KILLS))
    assert isinstance(fact, SignalFact)
    assert (fact.sender_placed, fact.sender_uid) == (False, None)


def test_a_runtime_that_was_gone_when_it_was_to_be_read(lines: TraceLines) -> None:
    """
    On a busy host nothing is known of it but its name.
    """
    lines.feed(RUN)
    fact = only(lines.feed(KILLS))
    assert isinstance(fact, SignalFact)
    assert (fact.sender_comm, fact.sender_placed) == ("crun", False)

"""
From lines of the trace to facts, with a /proc of files.
"""

from pathlib import Path

import pytest

from collector.correlate.facts import Fact, GapFact, SignalSeen, VictimSeen
from collector.procfs import ProcFiles
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
    Process 10 in a container and a shell (20), both from before; 20 s after the boot.
    """
    proc = FakeProc(tmp_path)
    proc.add(10, "app", IDS[0])
    proc.add(20, "bash", IDS[1])
    return proc


@pytest.fixture
def lines(proc: FakeProc) -> TraceLines:
    """
    Reads this /proc; the host was never suspended.
    """
    return TraceLines(
        ProcFiles(proc.root), wall_ns=lambda: NOW_NS, monotonic_ns=lambda: 20 * SECOND, offset_ns=lambda: 0
    )


def only(facts: tuple[Fact, ...]) -> Fact:
    (fact,) = facts
    return fact


def test_a_victim_and_its_container(lines: TraceLines) -> None:
    """
    The kernel gives the pid alone; /proc still shows where it is.
    """
    fact = only(lines.feed(MARKED))
    assert isinstance(fact, VictimSeen)
    assert (fact.pid, fact.at_ns, fact.container and fact.container.id) == (10, NOW_NS - 9_400_000_000, IDS[0])


def test_who_has_the_pid_of_a_victim_by_now_is_not_it(lines: TraceLines, proc: FakeProc) -> None:
    """
    The trace is read late, and the pid was given away in another container.
    """
    proc.add(10, "app", IDS[1], start_ns=11 * SECOND)
    fact = only(lines.feed(MARKED))
    assert isinstance(fact, VictimSeen)
    assert fact.container is None


def test_a_sender(lines: TraceLines) -> None:
    """
    Its container and user are looked up, as long as it lives.
    """
    fact = only(lines.feed(SENT))
    assert isinstance(fact, SignalSeen)
    assert (fact.sender_pid, fact.sender_comm, fact.target_pid) == (20, "bash", 30)
    assert (fact.sender_container and fact.sender_container.id, fact.sender_uid is None) == (IDS[1], False)


def test_who_has_the_pid_of_a_sender_by_now_has_sent_nothing(lines: TraceLines, proc: FakeProc) -> None:
    """
    Only what the trace itself says of the sender is told.
    """
    proc.add(20, "cron", IDS[0], start_ns=12 * SECOND)
    fact = only(lines.feed(SENT))
    assert isinstance(fact, SignalSeen)
    assert (fact.sender_comm, fact.sender_container, fact.sender_uid, fact.sender_unit) == ("bash", None, None, None)


def test_lines_come_in_pieces(lines: TraceLines) -> None:
    """
    What is not whole waits for its rest.
    """
    assert lines.feed(SENT[:40]) == ()
    assert len(lines.feed(SENT[40:] + MARKED)) == 2


def test_lost_events_are_a_gap(lines: TraceLines) -> None:
    """
    With their number, and what is no line of a trace is counted.
    """
    fact = only(lines.feed(b"CPU:1 [LOST 12 EVENTS]\n"))
    assert isinstance(fact, GapFact)
    assert (fact.what, fact.count, lines.garbage) == ("events_lost", 12, 0)
    assert lines.feed(b"            bash-20      [001] d..1.    10.500000: signal_generate: sig=x\n") == ()
    assert lines.garbage == 1

"""
Telling the end of a process from that of its first thread.
"""

from pathlib import Path

import pytest

from collector.procfs import ProcFiles
from collector.sources.processes.endings import Endings
from collector.sources.processes.table import Process
from parsers.proc_event import ProcExit, WaitStatus, parse_proc_event
from tests.unit.collector.sources.processes.fakes import MS, FakeProc, end

PROCESS = Process(pid=10, start_ns=0, parent_pid=1, container=None, comm="app")


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    """
    Without any process.
    """
    return FakeProc(tmp_path)


@pytest.fixture
def endings(proc: FakeProc) -> Endings:
    """
    That look at this /proc.
    """
    return Endings(ProcFiles(proc.root))


def _exit(raw_status: int = 0) -> ProcExit:
    event = parse_proc_event(end(10, raw_status, 7))
    assert isinstance(event, ProcExit)
    return event


def test_gone(endings: Endings) -> None:
    """
    Who is gone has ended.
    """
    ending = endings.judge(PROCESS, _exit(), 0)
    assert ending is not None
    assert (ending.status, ending.at_ns) == (WaitStatus(exit_code=0, signal=None), 7)


def test_killed(endings: Endings, proc: FakeProc) -> None:
    """
    A signal ends all threads: nothing needs to be looked up.
    """
    proc.add(10, state="Z", threads=8)
    ending = endings.judge(PROCESS, _exit(9), 0)
    assert ending is not None
    assert ending.status == WaitStatus(exit_code=None, signal=9)


def test_all_threads_end_together(endings: Endings, proc: FakeProc) -> None:
    """
    While the other threads are on their way out the end waits for them, and keeps its status and time.
    """
    proc.add(10, state="Z", threads=2)
    assert endings.judge(PROCESS, _exit(), 0) is None
    assert endings.settle(5 * MS) == []
    proc.add(10, state="Z")
    (ending,) = endings.settle(10 * MS)
    assert (ending.status, ending.at_ns) == (WaitStatus(exit_code=0, signal=None), 7)
    assert not endings.waiting


def test_another_thread_runs_a_program(endings: Endings, proc: FakeProc) -> None:
    """
    When another thread runs a program it takes the place of the first: the process goes on as before.
    """
    proc.add(10, state="Z", threads=2)
    assert endings.judge(PROCESS, _exit(), 0) is None
    proc.add(10, state="S")
    assert endings.settle(5 * MS) == []
    assert not endings.waiting


def test_outlived(endings: Endings, proc: FakeProc) -> None:
    """
    A process that outlives its first thread by more than a second has a status that nobody sees.
    """
    proc.add(10, state="Z", threads=2)
    endings.judge(PROCESS, _exit(), 0)
    assert endings.settle(2000 * MS) == []
    proc.remove(10)
    assert endings.settle(2500 * MS) == []
    (ending,) = endings.settle(3000 * MS)
    assert (ending.status, ending.at_ns) == (None, 3000 * MS)


def test_the_next_of_that_pid(endings: Endings, proc: FakeProc) -> None:
    """
    Another process with the pid does not hide the end.
    """
    proc.add(10, start_ns=500 * MS)
    ending = endings.judge(PROCESS, _exit(), 0)
    assert ending is not None
    assert (ending.status, ending.at_ns) == (WaitStatus(exit_code=0, signal=None), 7)

"""
Tests of distinguishing the end of a process from the end of its first thread.
"""

from pathlib import Path

import pytest

from collector.host.procfs import ProcFiles
from collector.sources.processes.endings import Endings
from collector.sources.processes.table import Process
from parsers.proc_event import ProcExit, WaitStatus, parse_proc_event
from tests.unit.collector.sources.processes.fakes import MS, FakeProc, end

PROCESS = Process(pid=10, start_ns=0, parent_pid=1, container=None, comm="app")


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    """
    A /proc without processes.
    """
    return FakeProc(tmp_path)


@pytest.fixture
def endings(proc: FakeProc) -> Endings:
    """
    Endings that read this /proc.
    """
    return Endings(ProcFiles(proc.root))


def _exit(raw_status: int = 0) -> ProcExit:
    event = parse_proc_event(end(10, raw_status, 7))
    assert isinstance(event, ProcExit)
    return event


def test_a_process_that_is_gone_has_ended(endings: Endings) -> None:
    """
    If /proc no longer has the process, the exit of its first thread is its end.
    """
    ending = endings.exited(PROCESS, _exit(), 0)
    assert ending is not None
    assert (ending.status, ending.at_ns) == (WaitStatus(exit_code=0, signal=None), 7)


def test_a_signal_ends_all_threads(endings: Endings, proc: FakeProc) -> None:
    """
    An exit by a signal is the end of the process, without reading /proc.
    """
    proc.add(10, state="Z", threads=8)
    ending = endings.exited(PROCESS, _exit(9), 0)
    assert ending is not None
    assert ending.status == WaitStatus(exit_code=None, signal=9)


def test_all_threads_end_together(endings: Endings, proc: FakeProc) -> None:
    """
    While other threads are still exiting, the end waits for them, and keeps its status and time.
    """
    proc.add(10, state="Z", threads=2)
    assert endings.exited(PROCESS, _exit(), 0) is None
    assert endings.recheck(5 * MS) == []
    proc.add(10, state="Z")
    (ending,) = endings.recheck(10 * MS)
    assert (ending.status, ending.at_ns) == (WaitStatus(exit_code=0, signal=None), 7)
    assert endings.due_ns is None


def test_another_thread_runs_a_program(endings: Endings, proc: FakeProc) -> None:
    """
    If another thread runs a program, the process goes on, and no end is reported.
    """
    proc.add(10, state="Z", threads=2)
    assert endings.exited(PROCESS, _exit(), 0) is None
    proc.add(10, state="S")
    assert endings.recheck(5 * MS) == []
    assert endings.due_ns is None


def test_a_process_that_outlives_its_first_thread_has_no_status(endings: Endings, proc: FakeProc) -> None:
    """
    The end of a process that outlives its first thread by more than a second has no status.
    """
    proc.add(10, state="Z", threads=2)
    endings.exited(PROCESS, _exit(), 0)
    assert endings.recheck(2000 * MS) == []
    proc.remove(10)
    assert endings.recheck(2500 * MS) == []
    (ending,) = endings.recheck(3000 * MS)
    assert (ending.status, ending.at_ns) == (None, 3000 * MS)


def test_another_process_with_the_pid(endings: Endings, proc: FakeProc) -> None:
    """
    Another process that has the pid by now does not hide the end.
    """
    proc.add(10, start_ns=500 * MS)
    ending = endings.exited(PROCESS, _exit(), 0)
    assert ending is not None
    assert (ending.status, ending.at_ns) == (WaitStatus(exit_code=0, signal=None), 7)

"""
Tests of reading /proc, with a /proc made of files.
"""

import os
from pathlib import Path

import pytest

from collector.host.procfs import ProcFiles
from collector.sources.processes.tracker import process_of
from tests.unit.collector.sources.processes.fakes import IDS, FakeProc


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    """
    A /proc without processes.
    """
    return FakeProc(tmp_path)


@pytest.fixture
def files(proc: FakeProc) -> ProcFiles:
    """
    A reader of this /proc.
    """
    return ProcFiles(proc.root)


def test_pids(proc: FakeProc, files: ProcFiles) -> None:
    """
    Only directories with numbers for names are processes.
    """
    proc.add(10)
    proc.add(11)
    (Path(proc.root) / "uptime").write_text("1")
    assert sorted(files.pids()) == [10, 11]


def test_process(proc: FakeProc, files: ProcFiles) -> None:
    """
    The fields of a process are read from its files, with secrets in the command line masked.
    """
    proc.add(10, "app", IDS[0], start_ns=20_000_000, parent_pid=7, command_line="app --token=x")
    stat = files.stat(10)
    assert stat is not None
    process = process_of(stat, files)
    assert (process.pid, process.parent_pid, process.comm, process.start_ns) == (10, 7, "app", 20_000_000)
    assert process.container is not None
    assert (process.container.id, process.command_line) == (IDS[0], "app --token=***")


def test_a_missing_process(files: ProcFiles) -> None:
    """
    Everything about a process that does not exist is None.
    """
    assert (files.stat(10), files.container(10), files.comm(10), files.command_line(10)) == (None,) * 4


def test_a_long_command_line(proc: FakeProc, files: ProcFiles) -> None:
    """
    A cut argument, which could be part of a secret, is left out, and the command line is short.
    """
    proc.add(10, command_line=f"app {'x' * 100} " + "postgres://user:" + "y" * 5000)
    command_line = files.command_line(10)
    assert command_line == f"app {'x' * 100} …"
    proc.add(10, command_line="app " + "word " * 300)
    assert len(files.command_line(10) or "") == 512


def test_the_real_proc() -> None:
    """
    The kernel of this host has the expected format: this process finds itself.
    """
    stat = ProcFiles().stat(os.getpid())
    assert stat is not None
    assert (stat.pid, stat.parent_pid, stat.exiting) == (os.getpid(), os.getppid(), False)

"""
Tests of the trace source on a real kernel.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.config.sources import TraceConfig
from collector.facts.observed import SignalFact, VictimMarkedFact
from collector.host.procfs import ProcFiles
from collector.sources.trace.lines import TraceLines
from collector.sources.trace.source import TraceSource
from tests.lab.follower import Following
from tests.lab.lab import Lab
from tests.lab.waiting import wait_until

pytestmark = [pytest.mark.live, pytest.mark.timeout(60)]
SI_USER, SI_KERNEL = 0, 128


@pytest.fixture
def tracefs(tmp_path: Path) -> Iterator[Path]:
    """
    A mount of tracefs in which the test can see the instances.
    """
    path = tmp_path / "tracefs"
    path.mkdir()
    subprocess.run(["mount", "-t", "tracefs", "tracefs", str(path)], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


def _following(tracefs: Path | None = None) -> Following:
    config = TraceConfig(tracefs=str(tracefs) if tracefs is not None else None)
    return Following(TraceSource(config, TraceLines(ProcFiles())))


def _signals(following: Following, pid: int) -> list[SignalFact]:
    return [fact for fact in following.facts() if isinstance(fact, SignalFact) and fact.target_pid == pid]


def _comm(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().rstrip("\n")


def test_the_sender_of_a_signal() -> None:
    """
    The sender of a signal is known by pid, name and user if it lives for a moment.
    """
    with _following() as following, subprocess.Popen(["sleep", "60"]) as target:
        # Popen returns a moment before the kernel gives the process its new name.
        wait_until(lambda: _comm(target.pid) == "sleep", 10, "sleep runs")
        with subprocess.Popen(["/bin/sh", "-c", f"kill -9 {target.pid}; sleep 1"]) as sender:
            following.wait_for(lambda: _signals(following, target.pid), "the signal is reported")
        (seen,) = _signals(following, target.pid)
    assert (seen.signal, seen.code, seen.target_comm) == (9, SI_USER, "sleep")
    assert (seen.sender_pid, seen.sender_comm, seen.sender_uid) == (sender.pid, "sh", os.geteuid())


def test_signals_that_end_nothing_are_not_read() -> None:
    """
    Signals that end nothing, such as SIGCONT and SIGCHLD, are filtered in the kernel.
    """
    with _following() as following, subprocess.Popen(["sleep", "60"]) as target:
        subprocess.run(["/bin/sh", "-c", f"kill -CONT {target.pid}; kill -CHLD {target.pid}"], check=True)
        target.terminate()
        following.wait_for(lambda: _signals(following, target.pid), "the last signal is reported")
        assert [seen.signal for seen in _signals(following, target.pid)] == [15]


def test_the_victim_of_an_oom(lab: Lab) -> None:
    """
    The victim of an OOM is marked by the OOM killer, and killed by the kernel.
    """
    with _following() as following:
        box = lab.run("hold", "eat:64", limit_mib=32)
        (held,) = box.hold()
        main = held.pid
        box.go()
        box.wait(137)
        following.wait_for(lambda: _signals(following, main), "the signal is reported")
        marked = [fact.pid for fact in following.facts() if isinstance(fact, VictimMarkedFact)]
    assert main in marked
    assert {seen.code for seen in _signals(following, main)} == {SI_KERNEL}


def test_nothing_is_left_in_tracefs(tracefs: Path) -> None:
    """
    The source removes its own instance and those of killed agents, but not one that is in use.
    """
    instances = tracefs / "instances"
    with subprocess.Popen(["true"]) as dead:
        pass
    with subprocess.Popen(["sleep", "60"]) as other:
        left, used = instances / f"exit137-{dead.pid}", instances / f"exit137-{other.pid}"
        left.mkdir()
        used.mkdir()
        try:
            with _following(tracefs):
                assert (instances / f"exit137-{os.getpid()}").exists()
                assert not left.exists()
            assert used.exists()
        finally:
            used.rmdir()
            other.kill()
    assert not (instances / f"exit137-{os.getpid()}").exists()

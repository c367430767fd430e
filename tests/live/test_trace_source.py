"""
The trace source on a real kernel.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.correlate.facts import SignalSeen, VictimSeen
from collector.procfs import ProcFiles
from collector.sources.settings import TraceConfig
from collector.sources.trace.lines import TraceLines
from collector.sources.trace.source import TraceSource
from tests.live.lab.follower import Following
from tests.live.lab.lab import Lab

pytestmark = [pytest.mark.live, pytest.mark.timeout(60)]
SI_USER, SI_KERNEL = 0, 128


@pytest.fixture
def tracefs(tmp_path: Path) -> Iterator[Path]:
    """
    Where the instances can be looked at.
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


def _signals(following: Following, pid: int) -> list[SignalSeen]:
    return [fact for fact in following.facts() if isinstance(fact, SignalSeen) and fact.target_pid == pid]


def test_the_sender_of_a_signal() -> None:
    """
    By pid, name and user, as long as it lives for a moment.
    """
    with _following() as following, subprocess.Popen(["sleep", "60"]) as target:
        with subprocess.Popen(["/bin/sh", "-c", f"kill -9 {target.pid}; sleep 1"]) as sender:
            following.wait_for(lambda: _signals(following, target.pid), "the signal is told")
        (seen,) = _signals(following, target.pid)
    assert (seen.signal, seen.code, seen.target_comm) == (9, SI_USER, "sleep")
    assert (seen.sender_pid, seen.sender_comm, seen.sender_uid) == (sender.pid, "sh", os.geteuid())


def test_signals_that_end_nothing_are_not_read() -> None:
    """
    SIGUSR1 and SIGCHLD are left out in the kernel.
    """
    with _following() as following, subprocess.Popen(["sleep", "60"]) as target:
        subprocess.run(["/bin/sh", "-c", f"kill -CONT {target.pid}; kill -CHLD {target.pid}"], check=True)
        target.terminate()
        following.wait_for(lambda: _signals(following, target.pid), "the last signal is told")
        assert [seen.signal for seen in _signals(following, target.pid)] == [15]


def test_the_victim_of_an_oom(lab: Lab) -> None:
    """
    Marked by the OOM killer, and killed by the kernel.
    """
    with _following() as following:
        box = lab.run("eat:64", limit_mib=32)
        main = box.main_pid()
        box.wait(137)
        following.wait_for(lambda: _signals(following, main), "the signal is told")
        marked = [fact.pid for fact in following.facts() if isinstance(fact, VictimSeen)]
    assert main in marked
    assert {seen.code for seen in _signals(following, main)} == {SI_KERNEL}


def test_nothing_is_left_in_tracefs(tracefs: Path) -> None:
    """
    Neither one's own instance nor that of an agent that was killed; one that is in use stays.
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

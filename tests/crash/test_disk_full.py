"""
A real agent on a disk of some megabytes that is full.
"""

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.crash.agent import configuration, running, until
from tests.crash.driver import JOURNAL_REMOTE, Journal
from tests.crash.receiver import Receiver

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root"),
    pytest.mark.timeout(120),
    pytest.mark.skipif(not JOURNAL_REMOTE.exists(), reason="systemd-journal-remote is not installed"),
]

# The agent keeps the history of its kills, 4 kB each: a slow machine must not fill the disk with them.
DISK_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Disk:
    """
    A small file system.
    """

    path: Path

    def fill(self) -> None:
        """
        Fill the disk to the last byte.
        """
        with contextlib.suppress(OSError), (self.path / "ballast").open("ab", buffering=0) as ballast:
            while True:
                ballast.write(b"x" * 4096)

    def empty(self) -> None:
        """
        Free the space that `fill` used.
        """
        (self.path / "ballast").unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    path = tmp_path / "disk"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", path], check=True)
    yield Disk(path)
    subprocess.run(["umount", path], check=True)


@dataclass(frozen=True, slots=True)
class Host:
    """
    An agent that reads its own journal, has its store on the small disk, and sends to a server of the test.
    """

    home: Path
    disk: Disk
    port: int
    url: str

    def agent(self) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
        sink = f'name = "hook"\ntype = "webhook"\nurl = "{self.url}"\nevents = ["exit137.oom_kill"]'
        more = f'[http]\nlisten = "127.0.0.1:{self.port}"\n[sources.journald]\npath = "{self.home}/journal"\n'
        return running(configuration(self.home, sink, store=self.disk.path / "s.db", more=more, without="journald"))

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except urllib.error.URLError:
            return False

    def logged(self, words: str) -> int:
        return (self.home / "agent.log").read_text(encoding="utf-8").count(words)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def host(tmp_path: Path, disk: Disk, receiver: Receiver) -> Host:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return Host(tmp_path, disk, port, receiver.url)


def pids(receiver: Receiver) -> set[int]:
    return {arrival.pid for arrival in receiver.arrivals}


def test_an_agent_whose_disk_fills_up_waits_and_continues(host: Host, receiver: Receiver) -> None:
    """
    The full disk is logged once and visible in /readyz. The agent is not restarted, and every kill of that time
    arrives.
    """
    with Journal(host.home / "journal") as journal, host.agent() as agent:
        until(lambda: len(receiver.arrivals) > 20 and host.ready())
        host.disk.fill()
        until(lambda: not host.ready())
        seen = journal.kills
        until(lambda: journal.kills > seen + 200)
        assert host.logged("cannot be stored") == 1
        host.disk.empty()
        until(host.ready)
        journal.end()
        until(lambda: len(pids(receiver)) == journal.kills)
        assert agent.poll() is None
        assert host.logged("Traceback") == 0
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(15) == 0


def test_an_agent_whose_disk_is_full_stops_in_time(host: Host, receiver: Receiver) -> None:
    """
    What could not be stored is read again after the next start.
    """
    with Journal(host.home / "journal") as journal:
        with host.agent() as agent:
            until(lambda: len(receiver.arrivals) > 20 and host.ready())
            host.disk.fill()
            until(lambda: not host.ready())
            agent.send_signal(signal.SIGTERM)
            assert agent.wait(20) == 0
        host.disk.empty()
        journal.end()
        with host.agent():
            until(lambda: len(pids(receiver)) == journal.kills)


def test_an_agent_that_starts_on_a_full_disk_waits_for_space(host: Host, receiver: Receiver) -> None:
    """
    The agent does not exit, because a service manager would restart it again and again.
    """
    host.disk.fill()
    assert os.statvfs(host.disk.path).f_bavail == 0
    with Journal(host.home / "journal") as journal, host.agent() as agent:
        until(lambda: host.logged("cannot start yet") == 1)
        time.sleep(6)
        assert agent.poll() is None
        host.disk.empty()
        until(host.ready)
        journal.end()
        until(lambda: len(pids(receiver)) == journal.kills)
        assert host.logged("cannot start yet") == 1

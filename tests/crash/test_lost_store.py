"""
The store is deleted, moved or replaced under a running agent, or its file system becomes read-only.

The agent reads OOM kills from a journal of the test, and its sink refuses everything until the store has been lost.
"""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.crash.agent import configuration, running, until
from tests.crash.driver import JOURNAL_REMOTE, Journal
from tests.crash.launcher import REWRITING
from tests.crash.receiver import Receiver

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(not JOURNAL_REMOTE.exists(), reason="systemd-journal-remote is not installed"),
]


@dataclass(frozen=True, slots=True)
class Host:
    """
    An agent that reads its own journal and sends to a server of the test.
    """

    home: Path
    port: int
    receiver: Receiver

    @property
    def store(self) -> Path:
        return self.home / "state" / "s.db"

    def agent(self, step: str = "none") -> AbstractContextManager["subprocess.Popen[bytes]"]:
        hook = f'name = "hook"\ntype = "webhook"\nurl = "{self.receiver.url}"\nevents = ["exit137.oom_kill"]'
        audit = f'name = "audit"\ntype = "file"\npath = "{self.home}/agent.jsonl"\nevents = ["exit137.agent"]'
        more = f'[http]\nlisten = "127.0.0.1:{self.port}"\n[sources.journald]\npath = "{self.home}/journal"\n'
        config = configuration(self.home, hook, audit, store=self.store, more=more, without="journald")
        return running(config, step)

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError):
            return False

    def published(self, what: str) -> int:
        """
        Return how many events about the agent say this.
        """
        path = self.home / "agent.jsonl"
        lines = path.read_bytes().splitlines() if path.exists() else []
        return sum(json.loads(line)["data"]["exit137"]["gap"]["what"] == what for line in lines)

    def logged(self, words: str) -> bool:
        return words in (self.home / "agent.log").read_text(encoding="utf-8")

    def arrived(self) -> set[int]:
        return {arrival.pid for arrival in self.receiver.arrivals}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    with Receiver() as receiver:
        receiver.status = 503
        yield Host(tmp_path, port, receiver)


def delete(store: Path) -> None:
    for path in store.parent.iterdir():
        path.unlink()


def move(store: Path) -> None:
    store.rename(store.with_name("moved.db"))


def replace(store: Path) -> None:
    other = store.with_name("other")
    other.write_bytes(b"SQLite format 3\0" * 512)
    other.rename(store)


def delete_log(store: Path) -> None:
    store.with_name(f"{store.name}-wal").unlink()


def delete_directory(store: Path) -> None:
    shutil.rmtree(store.parent)


LOSSES = (delete, move, replace, delete_log, delete_directory)


@pytest.mark.parametrize("lose", LOSSES)
def test_every_pending_event_reaches_the_sink_after_a_restart(host: Host, lose: Callable[[Path], None]) -> None:
    """
    The loss is published within seconds. The agent is killed before its sink is back, and the next one delivers
    everything, without reading the journal again.
    """
    with Journal(host.home / "journal") as journal:
        with host.agent() as agent:
            until(lambda: host.receiver.refused > 0 and journal.kills > 50 and host.ready())
            lose(host.store)
            until(lambda: host.published("store_rewritten") == 1)
            assert host.logged("the store was lost")
            until(host.ready)
            journal.end()
            until(lambda: stored(host.store) == journal.kills)
            agent.kill()
            agent.wait()
        (host.home / "journal" / "crash.journal").rename(host.home / "gone")
        host.receiver.status = 204
        with host.agent() as agent:
            until(lambda: len(host.arrived()) == journal.kills)
            agent.send_signal(signal.SIGTERM)
            assert agent.wait(20) == 0
    assert len(host.receiver.arrivals) == journal.kills


@pytest.mark.parametrize("step", REWRITING)
def test_a_kill_while_the_store_is_written_anew_loses_nothing_that_can_be_read_again(host: Host, step: str) -> None:
    """
    Wherever the agent dies, the next start has the complete successor, or reads the journal from its beginning.
    """
    with Journal(host.home / "journal") as journal:
        with host.agent(step) as agent:
            until(lambda: host.receiver.refused > 0 and journal.kills > 20)
            delete(host.store)
            assert agent.wait(30) == -signal.SIGKILL
        host.receiver.status = 204
        with host.agent() as agent:
            journal.end()
            until(lambda: len(host.arrived()) == journal.kills)
            assert agent.poll() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a file system needs root")
def test_a_file_system_that_becomes_read_only_is_noticed_without_an_event(host: Host) -> None:
    """
    ext4 makes itself read-only after an error. The agent is not ready from then on, and stops when it is asked to.
    """
    image = host.home / "image"
    with image.open("wb") as file:
        file.truncate(16 * 1024 * 1024)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    host.store.parent.mkdir()
    subprocess.run(["mount", "-o", "loop,errors=remount-ro", image, host.store.parent], check=True)
    try:
        (host.home / "journal").mkdir()
        with host.agent() as agent:
            until(host.ready)
            device = host.store.parent.stat().st_dev
            name = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve().name
            Path(f"/sys/fs/ext4/{name}/trigger_fs_error").write_text("test", encoding="ascii")
            until(lambda: not host.ready())
            assert host.logged("the store is not safe")
            assert agent.poll() is None
            agent.send_signal(signal.SIGTERM)
            assert agent.wait(20) == 0
    finally:
        subprocess.run(["umount", host.store.parent], check=True)


def stored(store: Path) -> int:
    """
    Count the kills in the file that is under the store's name now.
    """
    with closing(sqlite3.connect(store)) as connection:
        return int(connection.execute("SELECT count(*) FROM events WHERE type = 'exit137.oom_kill'").fetchone()[0])

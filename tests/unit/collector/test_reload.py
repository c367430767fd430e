"""
The whole agent as systemd runs it: notifications and SIGHUP. No source is read.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.shared.settings import switched_off

pytestmark = pytest.mark.slow

TIMEOUT_S: Final = 30
CONFIG: Final = """
[store]
path = "{folder}/exit137.db"
[[sinks]]
name = "{sink}"
type = "file"
path = "{folder}/events.jsonl"
"""


class Managed:
    """
    An agent, and the service manager that receives its notifications.
    """

    def __init__(self, folder: Path) -> None:
        self._config = folder / "config.toml"
        self._folder = folder
        self.log = folder / "log"
        self.configure("first")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        self._socket.settimeout(TIMEOUT_S)
        environment = {**os.environ, "NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "3000000"}
        command = [sys.executable, "-c", "from collector.cli import main; main()", "run", "--config", str(self._config)]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, stderr=log, env=environment)

    def configure(self, sink: str) -> None:
        self._config.write_text(CONFIG.format(folder=self._folder, sink=sink) + switched_off())

    def spoil(self) -> None:
        self._config.write_text("[sinks]")

    def received(self, first_line: str) -> str:
        """
        Return the rest of the next notification, which has this first line; signs of life are skipped.
        """
        while True:
            line, _, rest = self._socket.recv(4096).decode().partition("\n")
            if line == first_line:
                return rest
            assert line == "WATCHDOG=1", line

    def reload(self) -> None:
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> int:
        self._process.terminate()
        return self._process.wait(TIMEOUT_S)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._socket.close()


@pytest.fixture
def managed(tmp_path: Path) -> Iterator[Managed]:
    managed = Managed(tmp_path)
    yield managed
    managed.close()


def test_each_state_is_reported(managed: Managed) -> None:
    """
    The manager receives ready, alive, reloading, ready with the new configuration, and stopping.
    """
    assert managed.received("READY=1") == "STATUS=reads nothing; sends to first"
    managed.received("WATCHDOG=1")
    managed.configure("second")
    managed.reload()
    assert managed.received("RELOADING=1").startswith("MONOTONIC_USEC=")
    assert managed.received("READY=1") == "STATUS=reads nothing; sends to second"
    assert managed.stop() == 0
    assert managed.received("STOPPING=1") == "STATUS=stopping"


def test_a_mistake_in_the_new_configuration_changes_nothing(managed: Managed) -> None:
    """
    The error is logged with file and key, and the agent runs on as before.
    """
    managed.received("READY=1")
    managed.spoil()
    managed.reload()
    managed.received("RELOADING=1")
    assert managed.received("READY=1") == "STATUS=reads nothing; sends to first"
    assert "config.toml: sinks: expected an array of tables" in managed.log.read_text()
    assert managed.stop() == 0


def test_a_reload_that_changes_nothing_is_one_line(managed: Managed) -> None:
    """
    Ten reloads of the same configuration log ten lines, and touch neither sources nor sinks.
    """
    managed.received("READY=1")
    for _ in range(10):
        managed.reload()
        managed.received("RELOADING=1")
        managed.received("READY=1")
    assert managed.stop() == 0
    lines = [line for line in managed.log.read_text().splitlines() if "INFO ready;" not in line]
    assert [line.partition(" INFO ")[2] for line in lines] == ["reloaded; nothing has changed"] * 10

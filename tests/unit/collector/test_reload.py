"""
The whole agent as systemd runs it: its notifications, and SIGHUP. No source is read.
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

pytestmark = pytest.mark.slow

PATIENCE_S: Final = 30
CONFIG: Final = """
[store]
path = "{folder}/exit137.db"
[sources.kmsg]
enabled = false
[sources.journald]
enabled = false
[sources.docker]
enabled = false
[sources.processes]
enabled = false
[sources.trace]
enabled = false
[sources.cgroups]
enabled = false
[sources.memory]
enabled = false
[[sinks]]
name = "{sink}"
type = "file"
path = "{folder}/events.jsonl"
"""


class Managed:
    """
    An agent, and the manager that it tells how it is.
    """

    def __init__(self, folder: Path) -> None:
        self._config = folder / "config.toml"
        self._folder = folder
        self.log = folder / "log"
        self.configure("first")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        self._socket.settimeout(PATIENCE_S)
        environment = {**os.environ, "NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "3000000"}
        command = [sys.executable, "-c", "from collector.cli import main; main()", "run", "--config", str(self._config)]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, stderr=log, env=environment)

    def configure(self, sink: str) -> None:
        self._config.write_text(CONFIG.format(folder=self._folder, sink=sink))

    def spoil(self) -> None:
        self._config.write_text("[sinks]")

    def told(self, first_line: str) -> str:
        """
        What it told with this first line; signs of life in between are passed over.
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
        return self._process.wait(PATIENCE_S)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._socket.close()


@pytest.fixture
def managed(tmp_path: Path) -> Iterator[Managed]:
    managed = Managed(tmp_path)
    yield managed
    managed.close()


def test_it_tells_its_life(managed: Managed) -> None:
    """
    Ready, alive, reloading, ready again with what is new, stopping.
    """
    assert managed.told("READY=1") == "STATUS=reads nothing; sends to first"
    managed.told("WATCHDOG=1")
    managed.configure("second")
    managed.reload()
    assert managed.told("RELOADING=1").startswith("MONOTONIC_USEC=")
    assert managed.told("READY=1") == "STATUS=reads nothing; sends to second"
    assert managed.stop() == 0
    assert managed.told("STOPPING=1") == "STATUS=stopping"


def test_a_mistake_in_the_new_configuration_changes_nothing(managed: Managed) -> None:
    """
    It is told with file and key, and the agent runs on as before.
    """
    managed.told("READY=1")
    managed.spoil()
    managed.reload()
    managed.told("RELOADING=1")
    assert managed.told("READY=1") == "STATUS=reads nothing; sends to first"
    assert "config.toml: sinks: expected an array of tables" in managed.log.read_text()
    assert managed.stop() == 0

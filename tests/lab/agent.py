"""
Runs the agent as users run it: the installed command, a configuration file, signals, and a file of events.
"""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Final

from tests.lab.waiting import wait_until
from tests.shared.ports import free_ports
from tests.shared.settings import switched_off

COMMAND: Final = Path(sys.executable).with_name("exit137")
_BOOT_ID: Final = "/proc/sys/kernel/random/boot_id"
_READY_S: Final = 20.0
_STOP_S: Final = 20.0
_CONFIGURATION: Final = """\
[store]
path = "{home}/exit137.db"
[sources.docker]
url = "{docker_url}"
[http]
listen = "127.0.0.1:{port}"
socket = "{home}/api.sock"
[[sinks]]
name = "file"
type = "file"
path = "{home}/events.jsonl"
"""


class Agent:
    """
    One agent with its state; it may be stopped and started again.

    Args:
        home: an empty directory for everything that it writes.
        docker_url: the engine that it watches.
        without: sources to switch off.
        more: additional configuration, in TOML.
    """

    def __init__(self, home: Path, docker_url: str, without: Collection[str] = (), more: str = "") -> None:
        (self._port,) = free_ports(1)
        self._events = home / "events.jsonl"
        self._config = home / "config.toml"
        self._process: subprocess.Popen[bytes] | None = None
        self.home = home
        self.log = home / "agent.log"
        self.socket = home / "api.sock"
        self._config.write_text(
            _CONFIGURATION.format(home=home, docker_url=docker_url, port=self._port) + switched_off(without) + more
        )

    def start(self, boot_id: str | None = None) -> None:
        """
        Start the agent, and wait until it is ready.

        Args:
            boot_id: the boot id that it reads, to simulate a reboot; None for the real one.
        """
        command = [str(COMMAND), "run", "--config", str(self._config)]
        if boot_id is not None:
            other = self._config.with_name("boot_id")
            other.write_text(f"{boot_id}\n")
            bind = f'mount --bind {other} {_BOOT_ID} && exec "$@"'
            command = ["unshare", "--mount", "sh", "-c", bind, "sh", *command]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(self._is_ready, _READY_S, f"the agent is ready ({self.log})")

    @property
    def pid(self) -> int:
        """
        The agent's process while it runs.
        """
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """
        Stop the agent as a service manager does.

        Raises:
            AssertionError: it did not exit with 0.
        """
        if self._process is None:
            return
        process, self._process = self._process, None
        process.terminate()
        try:
            code = process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        assert code == 0, f"the agent ended with {code}:\n{self.log.read_text()}"

    def events(self) -> list[dict[str, Any]]:
        """
        Return all events in the file sink, whole lines only.
        """
        if not self._events.exists():
            return []
        lines = self._events.read_bytes().split(b"\n")[:-1]
        return [json.loads(line) for line in lines]

    def wait_for(self, condition: Callable[[list[dict[str, Any]]], bool], timeout_s: float, what: str) -> None:
        """
        Wait until the events fulfil a condition.
        """
        wait_until(lambda: condition(self.events()), timeout_s, what)

    def wait_until_quiet(self, quiet_s: float = 5.0) -> float:
        """
        Wait until nothing has been published for a while; return the time of the last event, on `time.monotonic()`.

        A new agent first publishes what the journal has of earlier tests.
        """
        count, since_s = -1, time.monotonic()
        while time.monotonic() - since_s < quiet_s:
            if len(self.events()) != count:
                count, since_s = len(self.events()), time.monotonic()
            time.sleep(0.1)
        return since_s

    def _is_ready(self) -> bool:
        assert self._process is not None
        code = self._process.poll()
        assert code is None, f"the agent ended with {code}:\n{self.log.read_text()}"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

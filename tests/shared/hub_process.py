"""
`exit137 hub` as a process of its own, which a test can kill.
"""

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any, Final

from tests.lab.waiting import wait_until
from tests.shared.ports import free_ports

_START_S: Final = 30.0


class HubProcess:
    """
    `exit137 hub`, which a test can kill.
    """

    def __init__(
        self, folder: Path, store: str = "", keys: Path | None = None, inputs: str = "", limits: str = ""
    ) -> None:
        """
        Prepare it.

        Args:
            folder: where its files are.
            store: the section `[hub.store]`.
            keys: where the secrets of the hosts are, if not in the same folder.
            inputs: more of `[hub.webhook]`.
            limits: more of `[store]`.
        """
        self.folder = folder
        self.pages, self.webhook = free_ports(2)
        self._config = folder / "hub.toml"
        self._config.write_text(f"""
[store]
path = "{folder}/hub.db"
{limits}
[hub]
listen = "127.0.0.1:{self.pages}"
[hub.webhook]
listen = "127.0.0.1:{self.webhook}"
keys_dir = "{keys or folder}"
{inputs}
{store}
[[sinks]]
name = "people"
type = "file"
path = "{folder}/incidents.jsonl"
""")

    def start(self, within_s: float = _START_S) -> None:
        """
        Start it, and wait until it answers.
        """
        command = [sys.executable, "-c", "from collector.cli import main; main()", "hub", "--config", str(self._config)]
        with (self.folder / "hub.log").open("ab") as log:
            self._process = subprocess.Popen(command, stderr=log, stdout=log)
        wait_until(lambda: self.ask("v1/hosts") is not None, within_s, "the hub answers")

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """
        End it, if it still runs.
        """
        self._process.kill()
        self._process.wait(30)

    def end(self, number: signal.Signals) -> None:
        self._process.send_signal(number)
        self._process.wait(30)

    def ask(self, path: str) -> Any:  # noqa: ANN401 (JSON)
        """
        The answer; None while nobody answers.
        """
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.pages}/{path}", timeout=5) as answer:
                return json.load(answer)
        except OSError:
            return None

"""
A whole agent in its own process, with a kernel log and a file of events that are the test's.
"""

import contextlib
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.crash import launcher
from tests.lab.waiting import wait_until
from tests.shared.ports import free_ports
from tests.shared.settings import switched_off_but
from tests.unit.collector.sources.devices import Kmsg, kill

# A busy machine starts an agent in many seconds.
PATIENCE_S: Final = 120.0
_NO_PROXY: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """
    A running agent.
    """

    process: subprocess.Popen[bytes]
    home: Path
    port: int
    kmsg: Kmsg

    def ready(self) -> tuple[bool, str]:
        """
        Ask /readyz.
        """
        try:
            return True, self._get("/readyz")
        except urllib.error.HTTPError as error:
            return False, error.read().decode()

    def metric(self, name: str) -> float:
        """
        Return one value of /metrics, by its name with labels.
        """
        for line in self._get("/metrics").splitlines():
            if line.startswith(f"{name} "):
                return float(line.split()[1])
        raise AssertionError(name)

    def events(self) -> list[dict[str, Any]]:
        """
        Return the events that the sink `good` has.
        """
        path = self.home / "good.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def said(self, what: str, source: str) -> int:
        """
        Return how often an event said this about a source.
        """
        gaps = [event["data"]["exit137"].get("gap", {}) for event in self.events()]
        return sum(gap.get("what") == what and gap.get("source") == source for gap in gaps)

    def log(self) -> str:
        return (self.home / "agent.log").read_text(encoding="utf-8", errors="replace")

    def kill_is_published(self, seq: int, pid: int) -> None:
        """
        Have the kernel report an OOM kill, and wait for its event.
        """
        self.kmsg.write(kill(seq, pid))
        until(lambda: any(str(pid) in json.dumps(event) for event in self.events()))

    def _get(self, path: str) -> str:
        """
        Ask until there is an answer: an agent that gets no CPU for seconds ends a connection without one.
        """
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                with _NO_PROXY.open(f"http://127.0.0.1:{self.port}{path}", timeout=PATIENCE_S) as answer:
                    text: str = answer.read().decode()
                    return text
            except urllib.error.HTTPError:
                raise
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)


@contextlib.contextmanager
def agent(home: Path, docker: str | None, sinks: Sequence[str] = ()) -> Iterator[Agent]:
    """
    Run an agent.

    Args:
        home: its directory.
        docker: the URL of the engine; None for no engine.
        sinks: the settings of each sink, in TOML, beside the file `good.jsonl`.
    """
    home.mkdir(exist_ok=True)
    (port,) = free_ports(1)
    good = f'name = "good"\ntype = "file"\npath = "{home}/good.jsonl"'
    engine = f'enabled = true\nurl = "{docker}"' if docker else "enabled = false"
    config = home / "config.toml"
    config.write_text(
        f'[store]\npath = "{home}/s.db"\n[http]\nlisten = "127.0.0.1:{port}"\n'
        f'[sources.kmsg]\nenabled = true\npath = "{home}/kmsg"\n[sources.docker]\n{engine}\n'
        + switched_off_but("kmsg", "docker")
        + "".join(f"[[sinks]]\n{sink}\n" for sink in (good, *sinks)),
        encoding="utf-8",
    )
    command = [sys.executable, launcher.__file__, "none", "1", "run", "--config", str(config)]
    with (
        Kmsg(home / "kmsg") as kmsg,
        (home / "agent.log").open("wb") as log,
        subprocess.Popen(command, stderr=log) as process,
    ):
        try:
            yield Agent(process=process, home=home, port=port, kmsg=kmsg)
        finally:
            process.kill()


def until(condition: Callable[[], bool]) -> None:
    """
    Wait until a condition is true.
    """
    wait_until(condition, PATIENCE_S, "the agent has done it")

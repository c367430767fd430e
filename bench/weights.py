"""
How late the kills of a storm are published beside busy neighbours, with and without a priority of the agent (root).

    python bench/weights.py

Four busy loops per core run beside an agent and a storm of 96 kills in 16 containers. Each way runs a storm of its
own. The delay is from the kill to the line in the agent's file of events.
"""

import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sinks.event import EventType, rfc3339
from tests.lab.agent import Agent
from tests.lab.engine import find_engine
from tests.lab.image import build_image
from tests.lab.journald import journal_daemon
from tests.lab.lab import Lab
from tests.lab.starvation import busy_neighbours
from tests.lab.storm import attributed, make_storm

# The name, CPUWeight (None: all in one cgroup), Nice.
WAYS: Final = (
    ("CPUWeight=100", 100, 0),
    ("CPUWeight=1000", 1000, 0),
    ("no cpu controller, Nice=0", None, 0),
    ("no cpu controller, Nice=-10", None, -10),
)
CONTAINERS: Final = 16
CHILDREN: Final = 6
NEIGHBOURS: Final = 4 * (os.cpu_count() or 1)
QUIET_S: Final = 6.0


class Watch:
    """
    Notes when each event of an agent appears in its file.

    Args:
        path: the file of events.
    """

    def __init__(self, path: Path) -> None:
        self.seen: dict[str, tuple[dict[str, Any], float]] = {}
        self._path = path
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    @contextmanager
    def running(self) -> Iterator[None]:
        """
        Watch; at the end wait until nothing new has appeared for a while.
        """
        self._thread.start()
        try:
            yield
            count = -1
            while count != len(self.seen):
                count = len(self.seen)
                time.sleep(QUIET_S)
        finally:
            self._stop.set()
            self._thread.join()

    def _run(self) -> None:
        at = 0
        while not self._stop.wait(0.01):
            data = self._path.read_bytes()[at:] if self._path.exists() else b""
            whole = data[: data.rfind(b"\n") + 1]
            at += len(whole)
            for line in whole.splitlines():
                event = json.loads(line)
                self.seen[event["id"]] = (event, time.time())


def main() -> None:
    """
    Print one line for each way.
    """
    os.setpriority(os.PRIO_PROCESS, 0, -15)  # what measures must not wait itself
    with journal_daemon():
        engine = find_engine()
        try:
            build_image(engine.client)
            for way in WAYS:
                with tempfile.TemporaryDirectory() as home:
                    _measure(Agent(Path(home), engine.url), Path(home), Lab(engine.client), way)
        finally:
            engine.close()


def _measure(agent: Agent, home: Path, lab: Lab, way: tuple[str, int | None, int]) -> None:
    name, weight, nice = way
    agent.start()
    watch = Watch(home / "events.jsonl")
    began = rfc3339(time.time_ns())
    try:
        with watch.running():
            truth = make_storm(
                lab,
                CONTAINERS,
                CHILDREN,
                during=lambda: busy_neighbours(agent.pid, NEIGHBOURS, weight=weight, nice=nice),
            )
            relieved_s = time.time()
    finally:
        lab.close()
        agent.stop()
    delays_s = sorted(
        seen_s - datetime.fromisoformat(event["time"]).timestamp()
        for event, seen_s in watch.seen.values()
        if event["type"] == EventType.OOM_KILL and event["time"] >= began
    )
    found = attributed([event for event, _ in watch.seen.values()], truth, began)
    print(
        f"{name:28} {found.right} of {found.kills} kills in their container; delay median"
        f" {statistics.median(delays_s):.2f} s, 95 % {delays_s[int(len(delays_s) * 0.95)]:.2f} s,"
        f" longest {delays_s[-1]:.2f} s; last event"
        f" {max(seen_s for _, seen_s in watch.seen.values()) - relieved_s:+.1f} s after the load",
        flush=True,
    )


if __name__ == "__main__":
    main()

"""
The agent itself, beside a real Docker Engine (root): start, memory, CPU when idle, and from a kill to its event.

    python bench/agent.py

Starts an engine of its own where none runs. The main sources are kmsg, journald and docker. Memory is VmRSS, with its
RssFile, right after the start and after the kills; the CPU is that of the agent while 50 containers sleep; the latency
is that from the kernel's stamp of a kill to the line in the file, beside it that of a loop which only reads /dev/kmsg:
the kernel wakes the readers of its log at its next tick. The kernel's log has a clock of its own, so the log is asked
first how far that is behind, by a record of ours.
"""

import json
import os
import re
import select
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final, Self

from tests.live.lab.agent import COMMAND
from tests.live.lab.engine import find_engine
from tests.live.lab.image import build_image
from tests.live.lab.lab import Lab

IDLE_S: Final = 30
CONTAINERS: Final = 50
KILLS: Final = 40
READY_S: Final = 30
TOLD_S: Final = 10
LOOK_EVERY_S: Final = 0.0005
KILLED: Final = re.compile(rb"Killed process (\d+)")
PLAIN: Final = """
[store]
path = "{home}/exit137.db"
[sources.docker]
url = "{docker_url}"
[[sinks]]
name = "file"
type = "file"
path = "{home}/events.jsonl"
"""
MAIN_SOURCES: Final = PLAIN + "".join(
    f"[sources.{name}]\nenabled = false\n" for name in ("processes", "trace", "cgroups", "memory")
)
WITH_NETWORK: Final = (
    MAIN_SOURCES
    + """
[[sinks]]
name = "hook"
type = "webhook"
url = "http://127.0.0.1:9/"
[[sinks]]
name = "bus"
type = "kafka"
bootstrap_servers = ["127.0.0.1:9"]
topic = "deaths"
"""
)


class BareReader:
    """
    Reads /dev/kmsg and does nothing else.

    Attributes:
        lags_ms: from the stamp of each kill to the moment of reading.
        killed_at_s: when each pid was killed, CLOCK_MONOTONIC.
    """

    def __init__(self) -> None:
        self.lags_ms: list[float] = []
        self.killed_at_s: dict[int, float] = {}
        self._device = os.open("/dev/kmsg", os.O_RDWR | os.O_NONBLOCK)
        os.lseek(self._device, 0, os.SEEK_END)
        self._behind_s = self._clock_behind_s()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        os.close(self._device)

    def _read(self) -> None:
        while not self._over.is_set():
            if not select.select([self._device], [], [], 0.5)[0]:
                continue
            now_s = time.monotonic()
            with suppress(BlockingIOError):
                while record := os.read(self._device, 8192):
                    if killed := KILLED.search(record):
                        at_s = _stamp_s(record) + self._behind_s
                        self.killed_at_s[int(killed[1])] = at_s
                        self.lags_ms.append(1000 * (now_s - at_s))

    def _clock_behind_s(self) -> float:
        """
        How far the clock of the log is behind CLOCK_MONOTONIC.
        """
        os.write(self._device, b"<14>exit137: bench/agent.py asks for the time\n")
        now_s = time.monotonic()
        return now_s - _stamp_s(os.read(self._device, 8192))


def main() -> None:
    """
    Print one line for each figure.
    """
    if os.geteuid() != 0:
        sys.exit("bench/agent.py: needs root")
    with closing(find_engine()) as engine, closing(Lab(engine.client)) as lab:
        build_image(engine.client)
        for what, configuration in (("main sources, file", MAIN_SOURCES), ("all sources, file", PLAIN)):
            print(f"{what}:")
            with _agent(configuration, engine.url) as (process, home, start_s):
                _measure(lab, process, home, start_s)
        with _agent(WITH_NETWORK, engine.url) as (process, _, _):
            print(f"main sources, file, webhook, kafka:\n  memory                         {_memory(process)}")


def _measure(lab: Lab, process: subprocess.Popen[bytes], home: Path, start_s: float) -> None:
    print(f"  start to ready                 {start_s:6.2f} s")
    print(f"  memory                         {_memory(process)}")
    with BareReader() as bare:
        told = list(_latencies(lab, home / "events.jsonl", bare.killed_at_s))
    for what, latencies in (("line in the file      ", sorted(told)), ("a bare reader of kmsg ", sorted(bare.lags_ms))):
        median, worst = statistics.median(latencies), latencies[int(len(latencies) * 0.95)]
        print(f"  kill to {what} {median:6.1f} ms median, {worst:.1f} ms 95th percentile")
    print(f"  memory after {KILLS} kills          {_memory(process)}")
    asleep = [lab.run("hold") for _ in range(CONTAINERS)]
    time.sleep(5)
    print(f"  CPU, {CONTAINERS} containers asleep      {_idle_percent(process):7.2f} %")
    for box in asleep:
        box.container.remove(force=True)


@contextmanager
def _agent(configuration: str, docker_url: str) -> Iterator[tuple[subprocess.Popen[bytes], Path, float]]:
    with tempfile.TemporaryDirectory(prefix="exit137-bench-") as directory:
        home = Path(directory)
        (home / "config.toml").write_text(configuration.format(home=home, docker_url=docker_url))
        log = home / "agent.log"
        began = time.monotonic()
        with log.open("wb") as output:
            process = subprocess.Popen([COMMAND, "run", "--config", home / "config.toml"], stderr=output)
        try:
            while b"ready; reads" not in log.read_bytes():
                if process.poll() is not None or time.monotonic() - began > READY_S:
                    sys.exit(f"the agent did not start:\n{log.read_text()}")
                time.sleep(0.005)
            yield process, home, time.monotonic() - began
        finally:
            process.terminate()
            process.wait(TOLD_S)


def _stamp_s(record: bytes) -> float:
    return int(record.split(b",", 3)[2]) / 1e6


def _latencies(lab: Lab, events: Path, killed_at_s: Mapping[int, float]) -> Iterator[float]:
    """
    Milliseconds from each kill to its event.
    """
    _wait_until_still(events)
    for _ in range(KILLS):
        size = events.stat().st_size if events.exists() else 0
        box = lab.run("eat:64", limit_mib=32)
        arrived_s, pid = _arrival(events, size, box.id)
        yield 1000 * (arrived_s - killed_at_s[pid])


def _wait_until_still(events: Path) -> None:
    """
    What happened on the host before is told first.
    """
    before = -1
    while (size := events.stat().st_size if events.exists() else 0) != before:
        before = size
        time.sleep(2)


def _arrival(events: Path, size: int, container_id: str) -> tuple[float, int]:
    """
    When the kill in a container was told, and which process it was.
    """
    deadline = time.monotonic() + TOLD_S
    while time.monotonic() < deadline:
        if events.exists() and events.stat().st_size > size:
            now_s = time.monotonic()
            with events.open("rb") as file:
                file.seek(size)
                lines = file.read().split(b"\n")[:-1]
            for line in lines:
                event = json.loads(line)
                if event["type"] == "exit137.oom_kill" and event["subject"] == f"container/{container_id}":
                    return now_s, event["data"]["process"]["pid"]
            size += sum(len(line) + 1 for line in lines)
        time.sleep(LOOK_EVERY_S)
    sys.exit("a kill was not told")


def _memory(process: subprocess.Popen[bytes]) -> str:
    """
    Resident; files that are mapped, as the journal's, can be dropped at any time.
    """
    fields = (line.split() for line in Path(f"/proc/{process.pid}/status").read_text().splitlines())
    mb = {field[0]: int(field[1]) * 1024 / 1e6 for field in fields if field[0] in ("VmRSS:", "RssFile:")}
    return f"{mb['VmRSS:']:6.1f} MB, {mb['RssFile:']:.1f} of it mapped files"


def _idle_percent(process: subprocess.Popen[bytes]) -> float:
    before = _cpu_s(process)
    time.sleep(IDLE_S)
    return 100 * (_cpu_s(process) - before) / IDLE_S


def _cpu_s(process: subprocess.Popen[bytes]) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()

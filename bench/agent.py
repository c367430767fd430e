"""
Measures the agent with a real Docker Engine (needs root): start, memory, idle CPU, and the time from kill to event.

    python bench/agent.py

Starts a Docker Engine if none is running. The main sources are kmsg, journald and docker. Memory is VmRSS, with its
RssFile, right after the start and after the kills. CPU is the agent's: for one life of a container (start, kill, death)
and while 50 containers sleep. Latency is the time from the kernel's time stamp of a kill to the line in the file, or to
a consumer of a real Kafka broker, for containers that are killed right after their start (dockerd needs the CPU then)
and for those that lived 2 s before. For comparison, a loop that only reads /dev/kmsg is measured too, because the
kernel wakes the readers of its log at its next tick.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from bench.shared.bus import KafkaArrivals
from bench.shared.kills import BareReader, FileArrivals, cpu_s, distribution, lags_ms, live, wait_for
from tests.kafka.broker import JARS, broker
from tests.lab.agent import COMMAND
from tests.lab.engine import find_engine
from tests.lab.image import build_image
from tests.lab.lab import Lab
from tests.shared.settings import switched_off

IDLE_S: Final = 30
CONTAINERS: Final = 50
KILLS: Final = 200
CASES: Final = {"right after the start": 0, "2 s after the start": 2000}
READY_S: Final = 30
PUBLISHED_S: Final = 10
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
MAIN_SOURCES: Final = PLAIN + switched_off(("processes", "trace", "cgroups", "memory"))
KAFKA: Final = """
[[sinks]]
name = "bus"
type = "kafka"
bootstrap_servers = ["{server}"]
topic = "deaths"
"""
WITH_NETWORK: Final = (
    MAIN_SOURCES
    + """
[[sinks]]
name = "hook"
type = "webhook"
url = "http://127.0.0.1:9/"
"""
    + KAFKA.replace("{server}", "127.0.0.1:9")
)


def main() -> None:
    """
    Print one line per figure.
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
        _measure_kafka(lab, engine.url)


def _measure(lab: Lab, process: subprocess.Popen[bytes], home: Path, start_s: float) -> None:
    print(f"  start to ready                 {start_s:6.2f} s")
    print(f"  memory                         {_memory(process)}")
    _wait_until_quiet(home / "events.jsonl")
    for what, lived_ms in CASES.items():
        with FileArrivals(home / "events.jsonl") as file:
            _measure_kills(lab, process, what, lived_ms, file.arrived_s)
    print(f"  memory after {len(CASES) * KILLS} kills         {_memory(process)}")
    asleep = [lab.run("hold") for _ in range(CONTAINERS)]
    time.sleep(5)
    print(f"  CPU, {CONTAINERS} containers asleep      {_idle_percent(process):7.2f} %")
    for box in asleep:
        box.container.remove(force=True)


def _measure_kills(
    lab: Lab, process: subprocess.Popen[bytes], what: str, lived_ms: int, arrived_s: Mapping[int, float]
) -> None:
    before_s = cpu_s(process.pid)
    with BareReader() as bare:
        live(lab, KILLS, lived_ms)
        wait_for(lambda: bare.killed_at_s.keys() <= arrived_s.keys(), PUBLISHED_S)
    print(f"  killed {what}: CPU per life {1000 * (cpu_s(process.pid) - before_s) / KILLS:.1f} ms")
    print(f"    until published           {distribution(lags_ms(arrived_s, bare.killed_at_s))}")
    print(f"    until a bare reader reads {distribution(lags_ms(bare.arrived_s, bare.killed_at_s))}")


def _measure_kafka(lab: Lab, docker_url: str) -> None:
    """
    Measure the way to a consumer of a real broker, if Kafka is installed.
    """
    if (reason := JARS.problem()) is not None:
        print(f"main sources, kafka: {reason}")
        return
    with tempfile.TemporaryDirectory(dir=".") as folder, broker(Path(folder)) as cluster:
        cluster.create("deaths", 12)
        to_kafka = MAIN_SOURCES + KAFKA.replace("{server}", cluster.address())
        with _agent(to_kafka, docker_url) as (process, home, _), KafkaArrivals(cluster.address(), "deaths") as bus:
            _wait_until_quiet(home / "events.jsonl")
            print("main sources, file and kafka, to a consumer:")
            _measure_kills(lab, process, "2 s after the start", 2000, bus.arrived_s)


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
            process.wait(PUBLISHED_S)


def _wait_until_quiet(events: Path) -> None:
    """
    Wait until the agent has published everything that happened on the host before.
    """
    before = -1
    while (size := events.stat().st_size if events.exists() else 0) != before:
        before = size
        time.sleep(2)


def _memory(process: subprocess.Popen[bytes]) -> str:
    """
    Return the resident memory. Mapped files, such as the journal's, can be dropped at any time.
    """
    fields = (line.split() for line in Path(f"/proc/{process.pid}/status").read_text().splitlines())
    mb = {field[0]: int(field[1]) * 1024 / 1e6 for field in fields if field[0] in ("VmRSS:", "RssFile:")}
    return f"{mb['VmRSS:']:6.1f} MB, {mb['RssFile:']:.1f} of it mapped files"


def _idle_percent(process: subprocess.Popen[bytes]) -> float:
    before = cpu_s(process.pid)
    time.sleep(IDLE_S)
    return 100 * (cpu_s(process.pid) - before) / IDLE_S


if __name__ == "__main__":
    main()

"""
Measures the agent with a real Docker Engine (needs root): start, memory, idle CPU, and the time from kill to event.

    python bench/agent.py [--kills N]

Starts a Docker Engine if none is running. The main sources are kmsg, journald and docker. Memory is RssAnon and VmRSS,
right after the start and after the kills; its goal is for 1,000 kills (`--kills 500`). CPU is the agent's: for one life
of a container (start, kill, death) and while 50 containers sleep. Latency is the time from the kernel's time stamp of a
kill to the line in the file, or to a consumer of a real Kafka broker, for containers that are killed right after their
start (dockerd needs the CPU then) and for those that lived 2 s before. A loop that only reads /dev/kmsg runs beside it,
because the kernel wakes the readers of its log at its next tick: what the agent takes is the difference for each kill.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.shared.agent import as_installed
from bench.shared.bus import KafkaArrivals
from bench.shared.kills import BareReader, FileArrivals, cpu_s, distribution, lags_ms, live, wait_for
from tests.kafka.broker import JARS, broker
from tests.lab.agent import COMMAND
from tests.lab.engine import find_engine
from tests.lab.image import build_image
from tests.lab.lab import Lab
from tests.shared.settings import switched_off_but

IDLE_S: Final = 60
# By then the agent has read the processes of new containers twice, which it does not do again while nothing happens.
SETTLED_S: Final = 15
CONTAINERS: Final = 50
KILLS: Final = 200
CASES: Final = {"right after the start": 0, "2 s after the start": 2000}
READY_S: Final = 30
PUBLISHED_S: Final = 10
# As long as systemd waits.
STOP_S: Final = 30
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
MAIN_SOURCES: Final = PLAIN + switched_off_but("kmsg", "journald", "docker")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Goals:
    """
    What one set of sources and sinks is to reach; None: there is no goal.

    Attributes:
        life_ms: CPU of one life.
        memory_mb: anonymous and all memory after 1,000 kills.
        lag_ms: median and 99th percentile of a kill's latency after a life of 2 s.
        is_whole: whether that is the whole latency, else what a bare reader does not need.
    """

    life_ms: float | None = None
    memory_mb: tuple[float, float] | None = None
    lag_ms: tuple[float, float] | None = None
    is_whole: bool = False


MAIN: Final = Goals(life_ms=8, memory_mb=(26, 45), lag_ms=(3, 12))
EVERY: Final = Goals(life_ms=15)
NETWORK: Final = Goals(memory_mb=(34, 55))
BUS: Final = Goals(lag_ms=(8, 25), is_whole=True)
IDLE_PERCENT: Final = 0.2


def main() -> None:
    """
    Print one line per figure, with its ratio to the goal.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=KILLS, help="of each case")
    kills = parser.parse_args().kills
    if os.geteuid() != 0:
        sys.exit("bench/agent.py: needs root")
    with closing(find_engine()) as engine, closing(Lab(engine.client)) as lab:
        build_image(engine.client)
        with _agent(PLAIN, engine.url):
            pass  # compiles its modules
        for what, configuration, goals in (("main sources", MAIN_SOURCES, MAIN), ("all sources", PLAIN, EVERY)):
            print(f"{what}, file:")
            with _agent(configuration, engine.url) as (process, home, start_s):
                print(f"  start to ready                 {start_s:6.2f} s")
                _measure(lab, process, home, goals, kills)
                _measure_idle(lab, process)
        print("main sources, file, webhook, kafka:")
        with _agent(WITH_NETWORK, engine.url) as (process, home, _):
            _measure(lab, process, home, NETWORK, kills)
        _measure_kafka(lab, engine.url, kills)


def _measure(lab: Lab, process: subprocess.Popen[bytes], home: Path, goals: Goals, kills: int) -> None:
    print(f"  memory                         {_memory(process, None)}")
    _wait_until_quiet(home / "events.jsonl")
    for what, lived_ms in CASES.items():
        with FileArrivals(home / "events.jsonl") as file:
            _measure_kills(lab, process, (what, lived_ms, kills), file.arrived_s, goals)
    print(f"  memory after {len(CASES) * kills} kills         {_memory(process, goals.memory_mb)}")


def _measure_idle(lab: Lab, process: subprocess.Popen[bytes]) -> None:
    asleep = [lab.run("hold") for _ in range(CONTAINERS)]
    time.sleep(SETTLED_S)
    percent = _idle_percent(process)
    print(f"  CPU, {CONTAINERS} containers asleep      {percent:7.2f} %{_ratio(percent, IDLE_PERCENT)}")
    for box in asleep:
        box.container.remove(force=True)


def _measure_kills(
    lab: Lab,
    process: subprocess.Popen[bytes],
    case: tuple[str, int, int],
    arrived_s: Mapping[int, float],
    goals: Goals,
) -> None:
    """
    Measure the kills of a case: its name, how long its containers live in milliseconds, and how many there are.
    """
    what, lived_ms, kills = case
    before_s = cpu_s(process.pid)
    with BareReader() as bare:
        live(lab, kills, lived_ms)
        wait_for(lambda: bare.killed_at_s.keys() <= arrived_s.keys(), PUBLISHED_S)
    life_ms = 1000 * (cpu_s(process.pid) - before_s) / kills
    own = sorted(1000 * (at_s - bare.arrived_s[pid]) for pid, at_s in arrived_s.items() if pid in bare.arrived_s)
    print(f"  killed {what}: CPU per life {life_ms:.1f} ms{_ratio(life_ms, goals.life_ms)}")
    whole = lags_ms(arrived_s, bare.killed_at_s)
    print(f"    until published           {distribution(whole)}")
    print(f"    until a bare reader reads {distribution(lags_ms(bare.arrived_s, bare.killed_at_s))}")
    ratios = _lag_ratios(whole if goals.is_whole else own, goals.lag_ms if lived_ms else None)
    print(f"    the difference            {distribution(own)}{ratios}")


def _lag_ratios(own: Sequence[float], goal_ms: tuple[float, float] | None) -> str:
    if goal_ms is None or not own:
        return ""
    p99_ms = own[min(int(len(own) * 0.99), len(own) - 1)]
    return f"; median{_ratio(own[len(own) // 2], goal_ms[0])}, 99 %{_ratio(p99_ms, goal_ms[1])}"


def _ratio(value: float, goal: float | None) -> str:
    return f" ({value / goal:.2f} of the goal, {goal:g})" if goal is not None else ""


def _measure_kafka(lab: Lab, docker_url: str, kills: int) -> None:
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
            _measure_kills(lab, process, ("2 s after the start", 2000, kills), bus.arrived_s, BUS)


@contextmanager
def _agent(configuration: str, docker_url: str) -> Iterator[tuple[subprocess.Popen[bytes], Path, float]]:
    with tempfile.TemporaryDirectory(prefix="exit137-bench-") as directory:
        home = Path(directory)
        (home / "config.toml").write_text(configuration.format(home=home, docker_url=docker_url))
        log = home / "agent.log"
        began = time.monotonic()
        with log.open("wb") as output:
            command = [COMMAND, "run", "--config", home / "config.toml"]
            process = subprocess.Popen(command, stderr=output, env=as_installed())
        try:
            while b"ready; reads" not in log.read_bytes():
                if process.poll() is not None or time.monotonic() - began > READY_S:
                    sys.exit(f"the agent did not start:\n{log.read_text()}")
                time.sleep(0.005)
            yield process, home, time.monotonic() - began
        finally:
            process.terminate()
            process.wait(STOP_S)


def _wait_until_quiet(events: Path) -> None:
    """
    Wait until the agent has published everything that happened on the host before.
    """
    before = -1
    while (size := events.stat().st_size if events.exists() else 0) != before:
        before = size
        time.sleep(2)


def _memory(process: subprocess.Popen[bytes], goals_mb: tuple[float, float] | None) -> str:
    """
    Return the resident memory. Mapped files, such as the journal's, can be dropped at any time.
    """
    fields = (line.split() for line in Path(f"/proc/{process.pid}/status").read_text().splitlines())
    mb = {field[0]: int(field[1]) * 1024 / 1e6 for field in fields if field[0] in ("VmRSS:", "RssAnon:")}
    anonymous, all_ = goals_mb or (None, None)
    own = f"{mb['RssAnon:']:.1f} MB anonymous{_ratio(mb['RssAnon:'], anonymous)}"
    return f"{own}, {mb['VmRSS:']:.1f} in all{_ratio(mb['VmRSS:'], all_)}"


def _idle_percent(process: subprocess.Popen[bytes]) -> float:
    before = cpu_s(process.pid)
    time.sleep(IDLE_S)
    return 100 * (cpu_s(process.pid) - before) / IDLE_S


if __name__ == "__main__":
    main()

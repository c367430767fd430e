"""
Measures what the processes source costs while processes outside of containers come and go (needs root).

    python bench/processes.py

Each load runs twice for the same time, without and with the source. Each line has the CPU time of the source in percent
of one core, the lost events, and how much more CPU time the load itself took, because the kernel makes the events on
its account. The last line is the memory that 30,000 processes of containers take.
"""

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import IO, Final, cast

import uvloop

from collector.config.sources import ProcessesConfig
from collector.facts.observed import GapFact
from collector.host.clock import BootClock
from collector.sources.processes.source import ProcessesSource
from collector.sources.processes.table import Process, ProcessTable
from parsers.cgroup_path import ContainerRef, Runtime

SECONDS: Final = 10
LOADS: Final = ((0, None), (1000, None), (5000, None), (1000, "exec"))
LIVE_PROCESSES: Final = 30_000


def main() -> None:
    """
    Print one line per load.
    """
    with tempfile.TemporaryDirectory() as directory:
        forks, nothing = (_compiled(name, Path(directory)) for name in ("forks", "nothing"))
        print("forks/s  program  source CPU  events/s  lost  load CPU with / without it")
        for rate, program in LOADS:
            _measure([str(forks), str(rate), str(SECONDS), *([str(nothing)] if program else [])], program)
    print(f"{LIVE_PROCESSES} processes of containers: {_table_bytes() / 1e6:.1f} MB")


def _measure(load: list[str], program: str | None) -> None:
    without_s, _ = _cost(load)
    command = [sys.executable, __file__, "source", str(SECONDS + 2)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as source:
        output = cast("IO[bytes]", source.stdout)
        output.readline()  # the source has started
        with_s, rate = _cost(load)
        result = json.loads(output.read())
    share = 100 * result["cpu_s"] / SECONDS
    events = result["records"] / SECONDS
    ratio = with_s / without_s if without_s > 0.1 else 1  # noqa: PLR2004 (less than that is noise)
    print(
        f"{rate:7.0f}  {program or '-':7}  {share:8.1f} %  {events:8.0f}  {result['lost']:4}"
        f"  {with_s:.2f} s / {without_s:.2f} s = {ratio:.2f}"
    )


def _cost(load: list[str]) -> tuple[float, float]:
    """
    Return the CPU seconds that a load took, children included, and the forks per second that it reached.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(load, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, float(done.stdout)


def _compiled(name: str, directory: Path) -> Path:
    program = directory / name
    source = Path(__file__).with_name("forks.c")
    if name == "nothing":
        source = directory / "nothing.c"
        source.write_text("int main(void) { return 0; }\n")
    subprocess.run(["gcc", "-O1", "-static", "-o", program, source], check=True)
    return program


async def _follow(seconds: float) -> None:
    """
    Run the source, and print its CPU time from its first reading on.
    """
    source = ProcessesSource(ProcessesConfig(), BootClock())
    began_s: float | None = None
    lost = 0
    try:
        async with asyncio.timeout(seconds):
            async for reading in source.readings(None):
                lost += sum(fact.count or 1 for fact in reading.facts if isinstance(fact, GapFact))
                if began_s is None:
                    began_s = time.process_time()
                    print(flush=True)
    except TimeoutError:
        cpu_s = time.process_time() - (began_s or 0)
        print(json.dumps({"cpu_s": cpu_s, "records": source.records, "lost": lost}))


def _table_bytes() -> int:
    table = ProcessTable()
    container = ContainerRef(runtime=Runtime.DOCKER, id="4e1d" * 16)
    tracemalloc.start()
    for pid in range(LIVE_PROCESSES):
        line = f"/usr/bin/worker --number {pid} --config /etc/worker/worker.toml"
        found = Process(
            pid=pid, start_ns=pid, parent_pid=1, container=container, comm=f"worker-{pid}", command_line=line
        )
        table.find(found)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size


if __name__ == "__main__":
    if sys.argv[1:2] == ["source"]:
        uvloop.run(_follow(float(sys.argv[2])))
    else:
        main()

"""
What following the memory of 200 containers costs: CPU of a core, and bytes of the agent (root).

    python bench/memory.py

The containers are cgroups of this program's own, each with a sleeping process, on the real cgroup file system; the
source samples them as the agent does, and the watch follows them. Bytes are those that Python has allocated, once a
day's worth of samples has gone through the rings.
"""

import asyncio
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from collector.correlate.book import ContainerBook
from collector.correlate.memory_facts import MemoryRound
from collector.memory.cgroups import CgroupTree
from collector.memory.insight import MemoryInsight
from collector.sources.memory import MemorySource
from collector.sources.settings import MemoryConfig
from sinks.event import Host

CONTAINERS: Final = 200
MEASURED_S: Final = 60
WARM_S: Final = 15
ROUNDS: Final = 1500
NS_PER_S: Final = 1_000_000_000
ROOT: Final = Path("/sys/fs/cgroup")
V2: Final = (ROOT / "cgroup.controllers").exists()
GROUP: Final = (ROOT if V2 else ROOT / "memory") / "exit137bench"
LIMIT: Final = ("memory.max", "memory.limit_in_bytes")[not V2]


def main() -> None:
    """
    Print one line for each figure.
    """
    if os.geteuid() != 0:
        sys.exit("bench/memory.py: needs root")
    with _containers():
        cpu_s, rounds, samples = asyncio.run(_sampled())
        print(f"CPU, {CONTAINERS} containers:        {100 * cpu_s / MEASURED_S:6.2f} % of a core")
        print(f"samples:                    {samples / MEASURED_S:6.1f} /s in {rounds} rounds")
        print(f"memory:                     {_bytes_each() / 1000:6.1f} kB per container, rings full")


@contextmanager
def _containers() -> Iterator[None]:
    """
    Cgroups with the names of containers; gone at the end, with their processes.
    """
    if V2:
        (ROOT / "cgroup.subtree_control").write_text("+memory")
    GROUP.mkdir()
    if V2:
        (GROUP / "cgroup.subtree_control").write_text("+memory")
    sleepers: list[subprocess.Popen[bytes]] = []
    try:
        for number in range(CONTAINERS):
            path = GROUP / f"docker-{number:064x}.scope"
            path.mkdir()
            (path / LIMIT).write_text(str(64 << 20))
            sleepers.append(subprocess.Popen(["sleep", "600"]))
            (path / "cgroup.procs").write_text(str(sleepers[-1].pid))
        yield
    finally:
        for sleeper in sleepers:
            sleeper.kill()
            sleeper.wait()
        for path in [*GROUP.glob("docker-*"), GROUP]:
            path.rmdir()


async def _sampled() -> tuple[float, int, int]:
    """
    The CPU time of a minute of sampling, the rounds and the samples in it.
    """
    insight, book = MemoryInsight(Host()), ContainerBook()
    rounds = samples = 0
    began_s: float | None = None
    start_s = time.monotonic()
    async with aclosing(MemorySource(MemoryConfig()).readings(None)) as readings:
        async for reading in readings:
            now_s = time.monotonic()
            if began_s is None and now_s - start_s >= WARM_S:
                began_s, start_s = time.process_time(), now_s
            if began_s is not None and now_s - start_s >= MEASURED_S:
                return time.process_time() - began_s, rounds, samples
            for fact in reading.facts:
                insight.feed(fact, book, time.monotonic_ns())
                counted = began_s is not None and isinstance(fact, MemoryRound)
                rounds += counted
                samples += len(fact.samples) if counted else 0
    raise AssertionError("the source ended")


def _bytes_each() -> float:
    """
    What the watch keeps of one container after a day of samples.
    """
    tree, book = CgroupTree(), ContainerBook()
    found = [one for one in tree.containers().values() if one.path.startswith(f"/{GROUP.name}/")]
    tracemalloc.start()
    insight = MemoryInsight(Host())
    before, _ = tracemalloc.get_traced_memory()
    for number in range(ROUNDS):
        at_ns = time.time_ns() + number * 60 * NS_PER_S
        samples = tuple(sample for one in found if (sample := tree.sample(one, at_ns)) is not None)
        grown = tuple(replace(one, working_set_bytes=one.working_set_bytes + number * 4096) for one in samples)
        insight.feed(MemoryRound(at_ns=at_ns, samples=grown), book, at_ns)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / len(found)


if __name__ == "__main__":
    main()

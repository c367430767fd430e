"""
Measures what following the memory of 200 containers costs: CPU of one core, and bytes of the agent (needs root).

    python bench/memory.py

The containers are cgroups of this program, each with a sleeping process, on the real cgroup file system. The source
samples them like the agent, and the watch follows them. Bytes are what Python has allocated after a day's worth of
samples has passed through the rings.
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

from collector.config.sources import MemoryConfig
from collector.correlate.inventory import ContainerInventory
from collector.facts.memory import MemoryRoundFact
from collector.publish.memory_context import MemoryContext
from collector.sources.memory.cgroups import CgroupTree
from collector.sources.memory.source import MemorySource
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
    Print one line per figure.
    """
    if os.geteuid() != 0:
        sys.exit("bench/memory.py: needs root")
    with _containers():
        cpu_s, rounds, samples = asyncio.run(_sampled())
        print(f"CPU, {CONTAINERS} containers:        {100 * cpu_s / MEASURED_S:6.2f} % of a core")
        print(f"samples:                    {samples / MEASURED_S:6.1f} /s in {rounds} rounds")
        print(f"memory:                     {_bytes_per_container() / 1000:6.1f} kB per container, rings full")


@contextmanager
def _containers() -> Iterator[None]:
    """
    Create cgroups with the names of containers, and remove them and their processes at the end.
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
    Return the CPU time of a minute of sampling, and its numbers of rounds and samples.
    """
    memory, inventory = MemoryContext(Host()), ContainerInventory()
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
                memory.feed(fact, inventory, time.monotonic_ns())
                counted = began_s is not None and isinstance(fact, MemoryRoundFact)
                rounds += counted
                samples += len(fact.samples) if counted else 0
    raise AssertionError("the source ended")


def _bytes_per_container() -> float:
    """
    Return what the watch stores for one container after a day of samples.
    """
    tree, inventory = CgroupTree(), ContainerInventory()
    found = [one for one in tree.containers().values() if one.path.startswith(f"/{GROUP.name}/")]
    tracemalloc.start()
    memory = MemoryContext(Host())
    before, _ = tracemalloc.get_traced_memory()
    for number in range(ROUNDS):
        at_ns = time.time_ns() + number * 60 * NS_PER_S
        samples = tuple(sample for one in found if (sample := tree.sample(one, at_ns)) is not None)
        grown = tuple(replace(one, working_set_bytes=one.working_set_bytes + number * 4096) for one in samples)
        memory.feed(MemoryRoundFact(at_ns=at_ns, samples=grown), inventory, at_ns)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / len(found)


if __name__ == "__main__":
    main()

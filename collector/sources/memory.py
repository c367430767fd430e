"""
The memory of all containers, sampled from the cgroup file system; and now and then their processes, for advice.

There is nothing to resume: what a container used while the agent was away is unknown. Needs no privilege where the
agent sees the host's cgroups; the processes' environment needs CAP_SYS_PTRACE, and is unknown without.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from typing import Final

from collector.correlate.facts import GapFact
from collector.correlate.memory_facts import ContainerProcesses, MemorySample
from collector.hostclock import HostIdentity
from collector.memory.cgroups import CgroupTree, ContainerCgroup, NoCgroupsError
from collector.memory.host import host_memory
from collector.memory.looks import Looks
from collector.memory.processes import read_processes
from collector.memory.sampler import Sampler
from collector.memory.sampling import Pace
from collector.sources.base import Position, Reading, SourceMissingError
from collector.sources.settings import MemoryConfig
from collector.threads import in_thread

_NS_PER_S: Final = 1_000_000_000
# So that containers whose turns are close are looked at together.
_SHORTEST_SLEEP_S: Final = 0.2
_PROCESSES: Final = 64


class MemorySource:
    """
    Samples the memory of containers.

    Args:
        config: how often, and where.
        wall_ns: the wall clock.
        monotonic_ns: CLOCK_MONOTONIC.
    """

    name = "memory"

    def __init__(
        self,
        config: MemoryConfig,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._config = config
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self.records = 0
        self.garbage = 0

    async def readings(self, position: Position | None) -> AsyncGenerator[Reading]:
        """
        Sample from now on; a position says nothing.

        Raises:
            SourceMissingError: there is no memory controller.
        """
        del position
        tree, looks = self._tree(), Looks()
        sampler = Sampler(tree, host_memory, _pace(self._config.interval_s))
        refused = 0
        yield Reading(facts=(), position={})
        while True:
            told = sampler.step(self._monotonic_ns(), self._wall_ns())
            if told is not None:
                self.records += len(told.samples)
                yield Reading(facts=(told,), position={})
                processes = [await self._processes(tree, one) for one in looks.due(told, self._monotonic_ns())]
                if any(processes):
                    yield Reading(facts=tuple(one for found in processes for one in found), position={})
            if sampler.refused > refused:
                yield Reading(facts=(self._too_many(sampler.refused),), position={})
            refused = max(refused, sampler.refused)
            await asyncio.sleep(max(_SHORTEST_SLEEP_S, (sampler.next_ns() - self._monotonic_ns()) / _NS_PER_S))

    async def _processes(self, tree: CgroupTree, sample: MemorySample) -> tuple[ContainerProcesses, ...]:
        container = ContainerCgroup(container_id=sample.container_id, path=sample.cgroup)
        found = tuple(await in_thread(read_processes, sorted(tree.pids(container))[:_PROCESSES]))
        at_ns = self._wall_ns()
        return (ContainerProcesses(container_id=sample.container_id, at_ns=at_ns, processes=found),) if found else ()

    def _tree(self) -> CgroupTree:
        try:
            return CgroupTree(self._config.cgroups)
        except NoCgroupsError as error:
            raise SourceMissingError(str(error)) from error

    def _too_many(self, count: int) -> GapFact:
        text = f"The memory of {count} containers is not followed: there are too many."
        return GapFact(source=self.name, what="table_full", at_ns=self._wall_ns(), text=text, count=count)


def offered(config: MemoryConfig) -> bool:
    """
    Whether this host has a memory controller.
    """
    try:
        CgroupTree(config.cgroups)
    except NoCgroupsError:
        return False
    return True


def create(config: MemoryConfig, _host: HostIdentity) -> MemorySource:
    """
    The source for this host.
    """
    return MemorySource(config)


def _pace(interval_s: float) -> Pace:
    return Pace(slow_s=3 * interval_s, usual_s=interval_s, fast_s=max(_SHORTEST_SLEEP_S, interval_s / 5))

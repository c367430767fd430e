"""
Sample the memory of all containers from the cgroup file system, and read their processes from time to time, for advice.

There is nothing to resume: what a container used while the agent was down is unknown. Reading the host's cgroups needs
no privilege; reading the processes' environment needs CAP_SYS_PTRACE, and without it the environment is unknown.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from typing import Final

from collector.config.sources import MemoryConfig
from collector.facts.memory import ContainerProcessesFact, MemorySample
from collector.facts.observed import GapFact
from collector.host.clock import HostIdentity
from collector.host.threads import in_thread
from collector.sources.base import Position, Reading, SourceMissingError
from collector.sources.memory.cgroups import CgroupTree, ContainerCgroup, NoCgroupsError, host_memory
from collector.sources.memory.processes import read_processes
from collector.sources.memory.sampler import Pace, Sampler
from collector.sources.memory.scan_schedule import ScanSchedule
from sinks.event import GapKind

_NS_PER_S: Final = 1_000_000_000
# Containers that are due within this time of each other are sampled together.
_MIN_SLEEP_S: Final = 0.2
# Enough for a server and its workers.
_MAX_PROCESSES: Final = 64


class MemorySource:
    """
    Samples the memory of containers.

    Args:
        config: the sampling interval and the mount point of cgroups.
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
        self.is_behind = False
        self.records = 0
        self.garbage = 0

    async def readings(self, position: Position | None) -> AsyncGenerator[Reading]:
        """
        Sample from now on; the position is ignored.

        Raises:
            SourceMissingError: there is no memory controller.
        """
        del position
        tree, scans = self._tree(), ScanSchedule()
        sampler = Sampler(tree, host_memory, _pace(self._config.interval_s))
        refused = 0
        yield Reading(facts=(), position={})
        while True:
            samples = sampler.sample_due(self._monotonic_ns(), self._wall_ns())
            if samples is not None:
                self.records += len(samples.samples)
                yield Reading(facts=(samples,), position={})
                # While the agent is behind, the processes wait: their turn comes again with the next samples.
                due = [] if self.is_behind else scans.due(samples, self._monotonic_ns())
                processes = [await self._processes(tree, one) for one in due]
                if any(processes):
                    yield Reading(facts=tuple(one for found in processes for one in found), position={})
            if sampler.refused > refused:
                yield Reading(facts=(self._too_many(sampler.refused),), position={})
            refused = max(refused, sampler.refused)
            await asyncio.sleep(max(_MIN_SLEEP_S, (sampler.next_due_ns() - self._monotonic_ns()) / _NS_PER_S))

    def request_watermark(self) -> None:
        """
        Do nothing: no kill and no death waits for samples.
        """

    async def _processes(self, tree: CgroupTree, sample: MemorySample) -> tuple[ContainerProcessesFact, ...]:
        container = ContainerCgroup(container_id=sample.container_id, path=sample.cgroup)
        found = tuple(await in_thread(read_processes, sorted(tree.pids(container))[:_MAX_PROCESSES]))
        at_ns = self._wall_ns()
        return (
            (ContainerProcessesFact(container_id=sample.container_id, at_ns=at_ns, processes=found),) if found else ()
        )

    def _tree(self) -> CgroupTree:
        try:
            return CgroupTree(self._config.cgroups)
        except NoCgroupsError as error:
            raise SourceMissingError(str(error)) from error

    def _too_many(self, count: int) -> GapFact:
        text = f"The memory of {count} containers is not sampled: there are too many containers."
        return GapFact(source=self.name, what=GapKind.TABLE_FULL, at_ns=self._wall_ns(), text=text, count=count)


def offered(config: MemoryConfig) -> bool:
    """
    Return whether this host has a memory controller.
    """
    try:
        CgroupTree(config.cgroups)
    except NoCgroupsError:
        return False
    return True


def create(config: MemoryConfig, _host: HostIdentity) -> MemorySource:
    """
    Create the source for this host.
    """
    return MemorySource(config)


def _pace(interval_s: float) -> Pace:
    return Pace(slow_s=3 * interval_s, usual_s=interval_s, fast_s=max(_MIN_SLEEP_S, interval_s / 5))

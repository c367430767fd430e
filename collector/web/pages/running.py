"""
The running containers of this host by the share of their memory limit, as `exit137 top` and the pages show them.

The containers are sampled here, in the process that shows them. Neither the agent nor Docker is asked.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from collector.facts.memory import MemorySample
from collector.memory.sample_ring import Point, SampleRing
from collector.memory.usage import GROWTH_WINDOW_NS, MemoryUse, sorted_uses, use_of
from collector.sources.memory.cgroups import CgroupTree, host_memory
from collector.sources.memory.sampler import Pace, Sampler


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """
    One running container.

    Attributes:
        points: the samples of the last ten minutes.
        kills: OOM kills in the last 24 hours.
    """

    name: str
    use: MemoryUse
    points: tuple[Point, ...]
    kills: int


class RunningContainers:
    """
    Samples the containers of a host.

    Args:
        tree: the cgroups of the host.
        pace: how often to sample.
        name: returns the name of a container by its id; the name may hold any characters.
    """

    def __init__(self, tree: CgroupTree, pace: Pace, name: Callable[[str], str]) -> None:
        self._sampler = Sampler(tree, host_memory, pace)
        self._name = name
        self._rings: dict[str, SampleRing] = {}

    def sample(self) -> None:
        """
        Take the samples that are due.
        """
        scan = self._sampler.sample_due(time.monotonic_ns(), time.time_ns())
        for sample in scan.samples if scan is not None else ():
            self._rings.setdefault(sample.container_id, SampleRing()).add(sample)
        for container_id in scan.gone if scan is not None else ():
            self._rings.pop(container_id, None)

    def containers(self, kills: Mapping[str, int]) -> list[Container]:
        """
        Return the containers, by share of their limit. A cgroup without a single page is skipped: its container ended.

        Args:
            kills: OOM kills in the last 24 hours by container id.
        """
        since_ns = time.time_ns() - GROWTH_WINDOW_NS
        points = {use_of(sample, found): found for sample, found in self._samples(since_ns)}
        return [
            Container(
                name=self._name(use.sample.container_id),
                use=use,
                points=points[use],
                kills=kills.get(use.sample.container_id, 0),
            )
            for use in sorted_uses(list(points))
        ]

    def _samples(self, since_ns: int) -> Iterator[tuple[MemorySample, tuple[Point, ...]]]:
        for ring in list(self._rings.values()):
            if (sample := ring.latest) is not None and sample.usage_bytes:
                yield sample, ring.points(since_ns)

"""
Decides whose turn it is and reads those: the pace of each container follows its own memory.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from collector.correlate.memory_facts import MemoryRound, MemorySample
from collector.memory.cgroups import ContainerCgroup
from collector.memory.sampling import Pace, interval_s, stretch
from parsers.meminfo import HostMemory

_NS_PER_S: Final = 1_000_000_000
_LIST_EVERY_S: Final = 5.0
_MOST_CONTAINERS: Final = 1000


class Tree(Protocol):
    """
    What the sampler needs of the cgroup file system.
    """

    def containers(self) -> dict[str, ContainerCgroup]:
        """
        The containers that there are now, by id.
        """
        ...

    def sample(self, container: ContainerCgroup, at_ns: int) -> MemorySample | None:
        """
        A container's memory now; None where it is gone.
        """
        ...


@dataclass(slots=True)
class _Turn:
    """
    A container with when it is looked at next, and what was seen last.
    """

    container: ContainerCgroup
    due_ns: int
    interval_s: float
    last: MemorySample | None = None


class Sampler:
    """
    Looks at the memory of all containers.

    Args:
        tree: the cgroup file system.
        host: reads the host's memory.
        pace: how often.

    Attributes:
        refused: containers that are not looked at, since there are too many.
    """

    def __init__(self, tree: Tree, host: Callable[[], HostMemory | None], pace: Pace) -> None:
        self._tree = tree
        self._host = host
        self._pace = pace
        self._turns: dict[str, _Turn] = {}
        self._list_ns: int | None = None
        self.refused = 0

    def step(self, now_ns: int, at_ns: int) -> MemoryRound | None:
        """
        Look at those whose turn it is; None where nothing is to be told.

        Args:
            now_ns: a clock that only goes forward.
            at_ns: the wall clock.
        """
        gone = self._list(now_ns) if self._list_ns is None or now_ns >= self._list_ns else []
        samples: list[MemorySample] = []
        for turn in [turn for turn in self._turns.values() if turn.due_ns <= now_ns]:
            sample = self._tree.sample(turn.container, at_ns)
            if sample is None:
                del self._turns[turn.container.container_id]
                gone.append(turn.container.container_id)
            else:
                samples.append(sample)
                turn.interval_s = interval_s(sample.limit_share, _growth_per_s(turn.last, sample), self._pace)
                turn.last = sample
        self._plan(samples, now_ns)
        if not samples and not gone:
            return None
        return MemoryRound(at_ns=at_ns, samples=tuple(samples), gone=tuple(gone), host=self._host())

    def next_ns(self) -> int:
        """
        When `step` should be called again, on the clock of `now_ns`.
        """
        return min([self._list_ns or 0, *(turn.due_ns for turn in self._turns.values())])

    def _list(self, now_ns: int) -> list[str]:
        """
        Look which containers there are; gives those that are no more.
        """
        self._list_ns = now_ns + int(_LIST_EVERY_S * _NS_PER_S)
        found = self._tree.containers()
        gone = [container_id for container_id in self._turns if container_id not in found]
        for container_id in gone:
            del self._turns[container_id]
        self.refused = max(0, len(found) - _MOST_CONTAINERS)
        for container_id, container in found.items():
            if container_id not in self._turns and len(self._turns) < _MOST_CONTAINERS:
                self._turns[container_id] = _Turn(container, due_ns=now_ns, interval_s=self._pace.usual_s)
        return gone

    def _plan(self, samples: list[MemorySample], now_ns: int) -> None:
        """
        Set when those that were looked at come next.
        """
        if not samples:
            return
        factor = stretch([turn.interval_s for turn in self._turns.values()], self._pace)
        for sample in samples:
            turn = self._turns[sample.container_id]
            turn.due_ns = now_ns + int(turn.interval_s * factor * _NS_PER_S)


def _growth_per_s(before: MemorySample | None, sample: MemorySample) -> float:
    """
    How much of its limit a container grew by per second since it was last looked at.
    """
    if before is None or not sample.limit_bytes or sample.at_ns <= before.at_ns:
        return 0.0
    grown = (sample.working_set_bytes - before.working_set_bytes) / sample.limit_bytes
    return grown / ((sample.at_ns - before.at_ns) / _NS_PER_S)

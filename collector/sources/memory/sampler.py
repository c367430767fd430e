"""
Sample the memory of containers, each at its own pace: often while it is near its limit or growing towards it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from collector.facts.memory import MemoryRoundFact, MemorySample
from collector.sources.memory.cgroups import ContainerCgroup
from parsers.proc_files import HostMemory

_NS_PER_S: Final = 1_000_000_000
# New containers are found at this interval.
_LIST_EVERY_S: Final = 5.0
_MAX_CONTAINERS: Final = 1000
_NEAR_SHARE: Final = 0.75
_MIDDLE_SHARE: Final = 0.5
# A growing container gets this many samples before it reaches its limit, enough for a shape and a forecast.
_SAMPLES_TO_LIMIT: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """
    The bounds on how often to sample.

    Attributes:
        slow_s: the interval far from the limit, and without one.
        usual_s: the interval above half of the limit.
        fast_s: the interval near the limit, and the shortest interval for a growing container.
        samples_per_s: the rate of all containers together; beyond it, all intervals are stretched.
    """

    slow_s: float = 15.0
    usual_s: float = 5.0
    fast_s: float = 1.0
    samples_per_s: float = 25.0


class Tree(Protocol):
    """
    The part of the cgroup file system that the sampler uses.
    """

    def containers(self) -> dict[str, ContainerCgroup]:
        """
        Find the containers that exist now, by id.
        """
        ...

    def sample(self, container: ContainerCgroup, at_ns: int) -> MemorySample | None:
        """
        Read a container's memory; None if the container has ended.
        """
        ...


@dataclass(slots=True)
class _Turn:
    """
    A container, with the time of its next sample and its last one.
    """

    container: ContainerCgroup
    due_ns: int
    interval_s: float
    last: MemorySample | None = None


class Sampler:
    """
    Samples the memory of all containers.

    Args:
        tree: the cgroup file system.
        host: reads the host's memory.
        pace: how often to sample.

    Attributes:
        refused: how many containers are not sampled because there are too many.
    """

    def __init__(self, tree: Tree, host: Callable[[], HostMemory | None], pace: Pace) -> None:
        self._tree = tree
        self._host = host
        self._pace = pace
        self._turns: dict[str, _Turn] = {}
        self._list_ns: int | None = None
        self.refused = 0

    def sample_due(self, now_ns: int, at_ns: int) -> MemoryRoundFact | None:
        """
        Sample the containers that are due; None if there is no sample and no container has ended.

        Args:
            now_ns: a monotonic clock.
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
        self._schedule(samples, now_ns)
        if not samples and not gone:
            return None
        return MemoryRoundFact(at_ns=at_ns, samples=tuple(samples), gone=tuple(gone), host=self._host())

    def next_due_ns(self) -> int:
        """
        Return when to call `sample_due` again, monotonic clock.
        """
        return min([self._list_ns or 0, *(turn.due_ns for turn in self._turns.values())])

    def _list(self, now_ns: int) -> list[str]:
        """
        Update the list of containers; return the ids of those that have ended.
        """
        self._list_ns = self._due_ns(now_ns, _LIST_EVERY_S)
        found = self._tree.containers()
        gone = [container_id for container_id in self._turns if container_id not in found]
        for container_id in gone:
            del self._turns[container_id]
        self.refused = max(0, len(found) - _MAX_CONTAINERS)
        for container_id, container in found.items():
            if container_id not in self._turns and len(self._turns) < _MAX_CONTAINERS:
                self._turns[container_id] = _Turn(container, due_ns=now_ns, interval_s=self._pace.usual_s)
        return gone

    def _schedule(self, samples: list[MemorySample], now_ns: int) -> None:
        """
        Set when the containers that were just sampled are due again.
        """
        if not samples:
            return
        factor = stretch_factor([turn.interval_s for turn in self._turns.values()], self._pace)
        for sample in samples:
            turn = self._turns[sample.container_id]
            turn.due_ns = self._due_ns(now_ns, turn.interval_s * factor)

    def _due_ns(self, now_ns: int, in_s: float) -> int:
        """
        Return a time in so many seconds, or a little before: a multiple of the shortest interval, so that containers
        are sampled together. A round costs as much as three samples.
        """
        together_ns = max(int(self._pace.fast_s * _NS_PER_S), 1)
        due_ns = now_ns + int(in_s * _NS_PER_S)
        return max(due_ns - due_ns % together_ns, now_ns + 1)


def interval_s(limit_share: float | None, growth_share_per_s: float, pace: Pace) -> float:
    """
    Return the time until a container is sampled again.

    Args:
        limit_share: the part of the limit in use, 1.0 is all; None if there is no limit.
        growth_share_per_s: the part of the limit that it grew by per second lately; negative while it shrinks.
        pace: the bounds.
    """
    if limit_share is None:
        return pace.slow_s
    if limit_share >= _NEAR_SHARE:
        wanted_s = pace.fast_s
    else:
        wanted_s = pace.usual_s if limit_share >= _MIDDLE_SHARE else pace.slow_s
    if growth_share_per_s > 0:
        wanted_s = min(wanted_s, (1.0 - limit_share) / growth_share_per_s / _SAMPLES_TO_LIMIT)
    return min(pace.slow_s, max(pace.fast_s, wanted_s))


def stretch_factor(intervals_s: Sequence[float], pace: Pace) -> float:
    """
    Return the factor, 1.0 or more, by which all intervals must grow to keep to the common rate.
    """
    wanted_per_s = sum(1.0 / interval for interval in intervals_s)
    return max(1.0, wanted_per_s / pace.samples_per_s)


def _growth_per_s(before: MemorySample | None, sample: MemorySample) -> float:
    """
    Return the part of its limit that a container grew by per second since its last sample.
    """
    if before is None or not sample.limit_bytes or sample.at_ns <= before.at_ns:
        return 0.0
    grown = (sample.working_set_bytes - before.working_set_bytes) / sample.limit_bytes
    return grown / ((sample.at_ns - before.at_ns) / _NS_PER_S)

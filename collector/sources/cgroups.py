"""
Reads the kernel's counters of OOM kills, of each container and of the host: every few seconds, and on cgroup v2 as soon
as one of them changes.

The counters are exact, but say neither who was killed nor when. A kill that is counted and that no log line describes
is lost evidence, and the agent reports it. A container that is removed between two readings takes its last count with
it; the host's counter still includes it. Needs no privilege.
"""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Final

from collector.config.sources import CgroupsConfig
from collector.facts.observed import OomCountedFact
from collector.host.beat import until_beat_s
from collector.host.clock import HostIdentity
from collector.host.inotify import Inotify
from collector.sources.base import Position, Reading, SourceMissingError
from parsers.cgroup_memory import parse_oom_kills
from parsers.cgroup_path import container_of, doubtfulness

# Containers are nested a few levels below the root; a user's own subtree may be arbitrarily deep.
_DEEPEST: Final = 8
# In a storm the counters change all the time; reading them more often would gain nothing.
_SHORTEST_S: Final = 0.5
_COUNTER_BYTES: Final = 4096
# Twice what the kernels of today print.
_VMSTAT_BYTES: Final = 16_384
# The file with the counter and the folder of the hierarchy: cgroup v2, then v1.
_HIERARCHIES: Final = (("memory.events", ""), ("memory.oom_control", "memory"))


class CgroupsSource:
    """
    Follows the OOM kill counters of all containers and of the host.

    Args:
        config: the interval, and where cgroups are mounted.
        vmstat: the file with the host's counters.
        wall_ns: the wall clock.
    """

    name = "cgroups"

    def __init__(
        self,
        config: CgroupsConfig,
        vmstat: Path = Path("/proc/vmstat"),
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._config = config
        self._vmstat = vmstat
        self._wall_ns = wall_ns
        self._counts: dict[str | None, int] = {}
        self._files: list[str] = []
        self._began_ns = 0
        self.records = 0
        self.garbage = 0

    async def readings(self, position: Position | None) -> AsyncGenerator[Reading]:
        """
        Count from now on. The position is not used: when earlier kills happened is unknown.

        Raises:
            SourceMissingError: no cgroup hierarchy counts OOM kills.
        """
        del position
        root, counter = self._hierarchy()
        with Inotify() as changes:
            while True:
                yield Reading(facts=self._read_counters(root, counter), position={})
                changes.follow(self._files)
                await asyncio.sleep(min(_SHORTEST_S, self._config.interval_s))
                await changes.wait(_rest_s(self._config.interval_s))

    def request_watermark(self) -> None:
        """
        Do nothing: each count states when it was read.
        """

    def _hierarchy(self) -> tuple[Path, str]:
        """
        Return the root of the memory hierarchy, and the name of the file that holds the counter.
        """
        for counter, folder in _HIERARCHIES:
            root = Path(self._config.path, folder)
            is_unified = (root / "cgroup.controllers").exists()
            if is_unified if counter == "memory.events" else (root / counter).exists():
                return root, counter
        raise SourceMissingError(f"{self._config.path} has no memory hierarchy that counts OOM kills")

    def _read_counters(self, root: Path, counter: str) -> tuple[OomCountedFact, ...]:
        """
        Return what was counted since the last reading: each container with kills, then the host in any case.

        A cgroup that is new since the last reading has counted from zero.
        """
        began_ns = self._wall_ns()
        is_first, before_ns = not self._began_ns, self._began_ns or began_ns
        found = list(_counts(root, counter))
        self._files = [file for _, _, file in found]
        # Of several cgroups with the name of one container, the least doubtful counts: it comes last.
        found.sort(key=lambda item: doubtfulness(item[2]), reverse=True)
        counts: dict[str | None, int] = {container_id: count for container_id, count, _ in found}
        host = parse_oom_kills(_content(str(self._vmstat), _VMSTAT_BYTES))
        if host is not None:
            counts[None] = host
        self.records += len(counts)
        grown = {key: count - (count if is_first else self._counts.get(key, 0)) for key, count in counts.items()}
        self._counts, self._began_ns = counts, began_ns
        ended_ns = self._wall_ns()
        return tuple(
            OomCountedFact(container_id=key, count=count, from_ns=before_ns, read_ns=began_ns, to_ns=ended_ns)
            for key, count in grown.items()
            if count > 0 or key is None
        )


def offered(config: CgroupsConfig) -> bool:
    """
    Return whether cgroups are mounted.
    """
    return Path(config.path).is_dir()


def create(config: CgroupsConfig, _host: HostIdentity) -> CgroupsSource:
    """
    Create the source for this host.
    """
    return CgroupsSource(config)


def _rest_s(interval_s: float) -> float:
    """
    Return how long to wait for a change once the shortest pause has passed: nothing if the interval has passed too.
    """
    return until_beat_s(interval_s) if interval_s > _SHORTEST_S else 0


def _counts(root: Path, counter: str) -> Iterator[tuple[str, int, str]]:
    """
    Yield container id, count and file of each container's outermost cgroup; on cgroup v2 that includes all below it.
    """
    top = str(root)
    waiting = [(top, 0)]
    while waiting:
        folder, depth = waiting.pop()
        reference = container_of(folder[len(top) :]) if depth else None
        if reference is not None:
            file = f"{folder}/{counter}"
            count = parse_oom_kills(_content(file, _COUNTER_BYTES))
            if count is not None:
                yield reference.id, count, file
        elif depth < _DEEPEST:
            waiting += [(path, depth + 1) for path in _folders(folder)]


def _folders(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:  # removed since its parent was read
        return []


def _content(path: str, at_most_bytes: int) -> bytes:
    """
    Return a file of the kernel, read in one call; nothing if it cannot be read. A Path would cost more than the call.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(file, at_most_bytes)
    except OSError:
        return b""
    finally:
        os.close(file)

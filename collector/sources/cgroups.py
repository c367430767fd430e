"""
Counts what the kernel counts: the OOM kills of each container and of the host, read every few seconds, and on cgroup v2
as soon as one of them changes.

A counter never lies, and says neither who nor when. What it counts and no line of a log explains is lost evidence, and
the correlator says so. A container that is gone between two looks takes its last count with it; the host's count stays.
Needs no privilege.
"""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Final

from collector.correlate.facts import OomCounted
from collector.hostclock import HostIdentity
from collector.inotify import Inotify
from collector.sources.base import Position, Reading, SourceMissingError
from collector.sources.settings import CgroupsConfig
from parsers.cgroup_path import container_of
from parsers.oom_counter import parse_oom_kills

_DEEPEST: Final = 8
# In a storm counters change all the time.
_SHORTEST_S: Final = 0.5
_COUNTER_BYTES: Final = 4096
_HIERARCHIES: Final = (("memory.events", ""), ("memory.oom_control", "memory"))


class CgroupsSource:
    """
    Follows the counters of all containers.

    Args:
        config: how often to look, and where.
        vmstat: the host's counters.
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
        self._files: list[Path] = []
        self._looked_ns = 0
        self.records = 0
        self.garbage = 0

    async def readings(self, position: Position | None) -> AsyncGenerator[Reading]:
        """
        Count from now on; a position says nothing, as nobody knows when what was counted before happened.

        Raises:
            SourceMissingError: no hierarchy of cgroups counts OOM kills.
        """
        del position
        root, counter = self._hierarchy()
        with Inotify() as changes:
            while True:
                yield Reading(facts=self._look(root, counter), position={})
                changes.follow(self._files)
                await asyncio.sleep(min(_SHORTEST_S, self._config.interval_s))
                await changes.wait(self._config.interval_s - _SHORTEST_S)

    def _hierarchy(self) -> tuple[Path, str]:
        """
        The root of the memory hierarchy and the name of the file that counts in it.
        """
        for counter, folder in _HIERARCHIES:
            root = Path(self._config.path, folder)
            is_unified = (root / "cgroup.controllers").exists()
            if is_unified if counter == "memory.events" else (root / counter).exists():
                return root, counter
        raise SourceMissingError(f"{self._config.path} has no memory hierarchy that counts OOM kills")

    def _look(self, root: Path, counter: str) -> tuple[OomCounted, ...]:
        """
        What was counted since the last look, the host last and always; a new cgroup has counted since it was made.
        """
        now_ns = self._wall_ns()
        is_first, before_ns = not self._looked_ns, self._looked_ns or now_ns
        found = list(_counts(root, counter))
        self._files = [file for _, _, file in found]
        counts: dict[str | None, int] = {container_id: count for container_id, count, _ in found}
        host = parse_oom_kills(_content(self._vmstat))
        if host is not None:
            counts[None] = host
        self.records += len(counts)
        grown = {key: count - (count if is_first else self._counts.get(key, 0)) for key, count in counts.items()}
        self._counts, self._looked_ns = counts, now_ns
        return tuple(
            OomCounted(container_id=key, count=count, from_ns=before_ns, to_ns=now_ns)
            for key, count in grown.items()
            if count > 0 or key is None
        )


def offered(config: CgroupsConfig) -> bool:
    """
    Whether cgroups are mounted.
    """
    return Path(config.path).is_dir()


def create(config: CgroupsConfig, _host: HostIdentity) -> CgroupsSource:
    """
    The source for this host.
    """
    return CgroupsSource(config)


def _counts(root: Path, counter: str) -> Iterator[tuple[str, int, Path]]:
    """
    The count of each container and its file: of the outermost cgroup, which has that of all below on cgroup v2.
    """
    waiting = [(str(root), 0)]
    while waiting:
        folder, depth = waiting.pop()
        reference = container_of(folder[len(str(root)) :]) if depth else None
        if reference is not None:
            file = Path(folder, counter)
            count = parse_oom_kills(_content(file))
            if count is not None:
                yield reference.id, count, file
        elif depth < _DEEPEST:
            waiting += [(path, depth + 1) for path in _folders(folder)]


def _folders(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:  # gone since its parent was read
        return []


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_COUNTER_BYTES if path.name != "vmstat" else -1)
    except OSError:
        return b""

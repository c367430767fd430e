"""
Read the memory of containers from the cgroup file system, v1 or v2, and that of the host; never write there.

A container is a directory whose path names one (parsers.cgroup_path). The effective limit is the smallest of its own
and those of the cgroups above it. A missing file (older kernel, controller not enabled) is an unknown value; a missing
directory is a container that has ended.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from collector.facts.memory import MemorySample
from parsers.cgroup_cpu import parse_cpu_max, parse_cpu_quota, parse_cpu_stat
from parsers.cgroup_memory import (
    MemoryStat,
    Pressure,
    parse_limit,
    parse_pressure,
    parse_size,
    parse_stat_v1,
    parse_stat_v2,
    working_set_bytes,
)
from parsers.cgroup_path import container_of, doubtfulness
from parsers.errors import ParseError
from parsers.proc_files import HostMemory, parse_meminfo

T = TypeVar("T")
ROOT: Final = "/sys/fs/cgroup"
_MEMINFO: Final = Path("/proc/meminfo")
# Larger than any of the files read here.
_READ_BYTES: Final = 16_384
# Bounds on the walk: a hostile tree must not take all the agent's time.
_MAX_DEPTH: Final = 12
_MAX_DIRECTORIES: Final = 20_000
# A directory without subdirectories has two links: its name and its own ".".
_LEAF_LINKS: Final = 2


class NoCgroupsError(Exception):
    """
    Raised if there is no memory controller to read.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerCgroup:
    """
    The cgroup of a container.

    Attributes:
        path: from the root of the hierarchy.
        cpu_limit: cores, read when the container was found; None if there is no limit.
    """

    container_id: str
    path: str
    cpu_limit: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """
    The file names of one cgroup version.
    """

    usage: str
    peak: str
    limit: str
    swap: str | None
    kernel: str | None
    stat: Callable[[bytes], MemoryStat]


_V1: Final = _Files(
    usage="memory.usage_in_bytes",
    peak="memory.max_usage_in_bytes",
    limit="memory.limit_in_bytes",
    swap=None,
    kernel="memory.kmem.usage_in_bytes",
    stat=parse_stat_v1,
)
_V2: Final = _Files(
    usage="memory.current",
    peak="memory.peak",
    limit="memory.max",
    swap="memory.swap.current",
    kernel=None,
    stat=parse_stat_v2,
)


class CgroupTree:
    """
    The memory hierarchy of this host.

    Args:
        root: the mount point.

    Raises:
        NoCgroupsError: there is no memory controller.
    """

    def __init__(self, root: str = ROOT) -> None:
        base = Path(root)
        if (base / "memory" / _V1.usage).exists() or (base / "memory" / _V1.limit).exists():
            self.version = 1
            self._files, self._memory, self._cpu, self._cpu_time = _V1, base / "memory", base / "cpu", base / "cpuacct"
        elif (base / "cgroup.controllers").exists():
            self.version = 2
            self._files, self._memory, self._cpu, self._cpu_time = _V2, base, base, base
        else:
            raise NoCgroupsError(f"{root} has no memory controller")
        self._known: dict[str, ContainerCgroup] = {}

    def containers(self) -> dict[str, ContainerCgroup]:
        """
        Find the containers that exist now, by id.

        A cgroup below that of a container belongs to the container, unless its path names another one. Of several with
        the name of one container, the least doubtful counts: users choose names in their part of the tree.
        """
        found: dict[str, ContainerCgroup] = {}
        for path in self._directories():
            ref = container_of(path)
            other = found.get(ref.id) if ref is not None else None
            if ref is None or (other is not None and doubtfulness(other.path) <= doubtfulness(path)):
                continue
            known = self._known.get(ref.id)
            if known is None or known.path != path:
                known = ContainerCgroup(container_id=ref.id, path=path, cpu_limit=self._cpu_limit(path))
            found[ref.id] = known
        self._known = found
        return found.copy()

    def sample(self, container: ContainerCgroup, at_ns: int) -> MemorySample | None:
        """
        Read a container's memory; None if the container has ended.

        Args:
            container: one of `containers`.
            at_ns: the wall clock.
        """
        files, path = self._files, container.path
        usage = self._value(path, files.usage, parse_size)
        stat = self._value(path, "memory.stat", files.stat)
        if usage is None or stat is None:
            return None
        limit_bytes, limit_cgroup = self._limit(path, stat)
        return MemorySample(
            container_id=container.container_id,
            cgroup=path,
            at_ns=at_ns,
            usage_bytes=usage,
            working_set_bytes=working_set_bytes(usage, stat),
            anon_bytes=stat.anon_bytes,
            file_bytes=stat.file_bytes,
            shmem_bytes=stat.shmem_bytes,
            kernel_bytes=stat.kernel_bytes if files.kernel is None else self._value(path, files.kernel, parse_size),
            swap_bytes=stat.swap_bytes if files.swap is None else self._value(path, files.swap, parse_size),
            limit_bytes=limit_bytes,
            limit_cgroup=limit_cgroup,
            peak_bytes=self._value(path, files.peak, parse_size),
            pressure=self._pressure(path),
            cpu_ns=self._cpu_ns(path),
            cpu_limit=container.cpu_limit,
        )

    def pids(self, container: ContainerCgroup) -> list[int]:
        """
        Return the pids in a container's own cgroup, as numbered in this PID namespace.
        """
        text = _read(f"{self._memory}{container.path}/cgroup.procs") or b""
        return [int(pid) for pid in text.split() if pid.isdigit() and pid != b"0"]

    def age_s(self, container: ContainerCgroup, now_s: float) -> float:
        """
        Return the age of a container's cgroup in seconds; 0 if it is gone.
        """
        try:
            return max(0.0, now_s - Path(f"{self._memory}{container.path}").stat().st_ctime)
        except OSError:
            return 0.0

    def _directories(self) -> Iterator[str]:
        """
        Walk the paths of all cgroups, parents before children.
        """
        waiting = [""]
        for _ in range(_MAX_DIRECTORIES):
            if not waiting:
                return
            path = waiting.pop()
            if path:
                yield path
            if path.count("/") < _MAX_DEPTH:
                waiting += [f"{path}/{name}" for name in _subdirectories(f"{self._memory}{path}")]

    def _limit(self, path: str, stat: MemoryStat) -> tuple[int | None, str | None]:
        """
        Return the effective limit, and the cgroup that sets it.

        On v1 the kernel reports the effective limit: without use_hierarchy the limits above do not apply.
        """
        limits: list[tuple[int, str]] = []
        above = path
        while above:
            limit = self._value(above, self._files.limit, parse_limit)
            if limit is not None:
                limits.append((limit, above))
            above = above.rpartition("/")[0]
        effective = stat.hierarchical_limit_bytes
        if effective is not None:
            return effective, next((owner for limit, owner in limits if limit == effective), None)
        return min(limits, default=(None, None), key=lambda item: item[0])

    def _pressure(self, path: str) -> Pressure | None:
        return self._value(path, "memory.pressure", parse_pressure) if self.version == 2 else None  # noqa: PLR2004

    def _cpu_ns(self, path: str) -> int | None:
        if self.version == 1:
            return _parsed(f"{self._cpu_time}{path}/cpuacct.usage", parse_size)
        return _parsed(f"{self._cpu_time}{path}/cpu.stat", parse_cpu_stat)

    def _cpu_limit(self, path: str) -> float | None:
        if self.version != 1:
            return _parsed(f"{self._cpu}{path}/cpu.max", parse_cpu_max)
        period = _read(f"{self._cpu}{path}/cpu.cfs_period_us") or b""
        return _parsed(f"{self._cpu}{path}/cpu.cfs_quota_us", lambda quota: parse_cpu_quota(quota, period))

    def _value(self, path: str, name: str, parse: Callable[[bytes], T]) -> T | None:
        return _parsed(f"{self._memory}{path}/{name}", parse)


def host_memory() -> HostMemory | None:
    """
    Read the memory of the host; None if it cannot be read.
    """
    try:
        return parse_meminfo(_MEMINFO.read_bytes())
    except OSError:
        return None


def _subdirectories(path: str) -> list[str]:
    try:
        # Most containers have no subdirectory, and one stat is cheaper than listing the files.
        if os.stat(path).st_nlink == _LEAF_LINKS:  # noqa: PTH116 (a Path costs more than the call)
            return []
        with os.scandir(path) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _parsed(path: str, parse: Callable[[bytes], T]) -> T | None:
    text = _read(path)
    if text is None:
        return None
    try:
        return parse(text)
    except ParseError:
        return None


def _read(path: str) -> bytes | None:
    """
    Read a whole file in one call, so that its lines belong together; None if it cannot be read.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(file, _READ_BYTES)
    except OSError:
        return None
    finally:
        os.close(file)

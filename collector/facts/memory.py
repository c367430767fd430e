"""
Facts about the memory of running containers: what their cgroups and their processes show.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from parsers.cgroup_memory import Pressure
from parsers.proc_files import HostMemory

# The only environment variables that may be read from a process: the others may hold secrets.
RUNTIME_ENVIRONMENT: Final = frozenset(
    {
        "JAVA_TOOL_OPTIONS",
        "JDK_JAVA_OPTIONS",
        "_JAVA_OPTIONS",
        "NODE_OPTIONS",
        "GOMEMLIMIT",
        "GOGC",
        "PYTHONMALLOC",
        "PYTHONTRACEMALLOC",
        "DOTNET_gcServer",
        "DOTNET_GCHeapHardLimit",
        "DOTNET_GCHeapHardLimitPercent",
        "MALLOC_ARENA_MAX",
        "LD_PRELOAD",
        "WEB_CONCURRENCY",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySample:
    """
    The memory of a container at one moment, from the files of its cgroup.

    Attributes:
        cgroup: its path in the memory hierarchy.
        working_set_bytes: usage without the file pages that the kernel reclaims first.
        file_bytes: cached pages of files, without shared memory.
        limit_bytes: the smallest of its own limit and the limits above it; None where there is no limit.
        limit_cgroup: the cgroup that has this limit; other containers may share it when it is not the container's own.
        peak_bytes: the highest usage since the cgroup was created, as counted by the kernel.
        pressure: None where the kernel has no PSI, as always on cgroup v1.
        cpu_ns: the CPU time that it has used.
        cpu_limit: the number of cores that it may use; None where there is no limit.
    """

    container_id: str
    cgroup: str
    at_ns: int
    usage_bytes: int
    working_set_bytes: int
    anon_bytes: int | None = None
    file_bytes: int | None = None
    shmem_bytes: int | None = None
    kernel_bytes: int | None = None
    swap_bytes: int | None = None
    limit_bytes: int | None = None
    limit_cgroup: str | None = None
    peak_bytes: int | None = None
    pressure: Pressure | None = None
    cpu_ns: int | None = None
    cpu_limit: float | None = None

    @property
    def limit_share(self) -> float | None:
        """The working set as a share of the limit, 1.0 at the limit; None where there is no limit."""
        return self.working_set_bytes / self.limit_bytes if self.limit_bytes else None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRoundFact:
    """
    One scan of the containers that were due.

    Attributes:
        samples: one of each container that was due.
        gone: ids of containers that had a cgroup at the previous scan and have none now.
        host: the memory of the host at this moment.
    """

    at_ns: int
    samples: tuple[MemorySample, ...]
    gone: tuple[str, ...] = ()
    host: HostMemory | None = None

    @property
    def occurred_at_ns(self) -> int:
        """The time of the scan."""
        return self.at_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningProcess:
    """
    A process of a container, as /proc describes it.

    Attributes:
        executable: the target of /proc/<pid>/exe, or at least its name.
        arguments: the program first.
        environment: only the few variables that concern memory, never all of them: others hold secrets.
        environment_known: False where it could not be read: then a missing variable proves nothing.
        rss_bytes: resident memory.
        go_binary: whether its executable has Go's build information; None where that was not checked.
    """

    pid: int
    executable: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    environment_known: bool = True
    parent_pid: int | None = None
    rss_bytes: int | None = None
    go_binary: bool | None = None

    @property
    def name(self) -> str:
        """The executable without its directory."""
        return self.executable.removesuffix(" (deleted)").rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerProcessesFact:
    """
    The processes of a running container: after its death, nobody could ask how they were configured.

    Attributes:
        processes: the oldest first, only as many as advice needs.
    """

    container_id: str
    at_ns: int
    processes: tuple[RunningProcess, ...]

    @property
    def occurred_at_ns(self) -> int:
        """The time at which /proc was read."""
        return self.at_ns

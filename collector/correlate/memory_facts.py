"""
Facts about the memory of containers that live: what their cgroups and their processes show.

Times are nanoseconds of the wall clock since 1970.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from parsers.cgroup_memory import Pressure
from parsers.meminfo import HostMemory


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySample:
    """
    The memory of a container at one moment, from the files of its cgroup.

    Attributes:
        cgroup: its path in the memory hierarchy.
        working_set_bytes: usage without the file pages that the kernel drops first.
        file_bytes: cached pages of files, without shared memory.
        limit_bytes: the smallest of its own limit and of those above it; None where there is none.
        limit_cgroup: the cgroup whose limit that is; others may share it when it is not the container's own.
        peak_bytes: the highest usage since the cgroup was made, as the kernel counts it.
        pressure: None where the kernel has no PSI, as always on cgroup v1.
        cpu_ns: the CPU time that it has used.
        cpu_limit: the cores that it may use; None where there is no limit.
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
        """
        The part of the limit that the working set takes, 1.0 is all; None where there is no limit.
        """
        return self.working_set_bytes / self.limit_bytes if self.limit_bytes else None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRound:
    """
    One look at the memory of those containers whose turn it was.

    Attributes:
        samples: of these containers.
        gone: ids of containers that had a cgroup at the last look and have none now.
        host: the host's memory then.
    """

    at_ns: int
    samples: tuple[MemorySample, ...]
    gone: tuple[str, ...] = ()
    host: HostMemory | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningProcess:
    """
    A process of a container, as /proc describes it.

    Attributes:
        executable: where /proc/<pid>/exe points to, or at least its name.
        arguments: the program first.
        environment: a few variables that say something about memory, never all: the others hold secrets.
        environment_known: False where it may not be read: then a variable that is missing says nothing.
        rss_bytes: resident memory.
        go_binary: its executable has the build information of Go; None where nobody looked.
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
        """
        The executable without its directory.
        """
        return self.executable.removesuffix(" (deleted)").rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerProcesses:
    """
    The processes of a container while it lives: a dead one cannot be asked what it was told about memory.

    Attributes:
        processes: the oldest first, only so many as advice needs.
    """

    container_id: str
    at_ns: int
    processes: tuple[RunningProcess, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedWarningFact:
    """
    A warning about memory that had been told and had not passed when the agent was last here.

    Attributes:
        container_id: None for one about the host.
        kind: as it was published; so with `level`.
        since_ns: when it first rose.
    """

    container_id: str | None
    kind: str
    level: str
    since_ns: int

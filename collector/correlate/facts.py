"""
Facts: what the sources tell the correlator, in the words of the parsers, with where it was seen.

A fact is something that was observed, never a conclusion. Times are nanoseconds of the wall clock since 1970.
"""

from dataclasses import dataclass

from parsers.cgroup_memory import Pressure
from parsers.cgroup_path import ContainerRef
from parsers.docker_event import DockerEvent
from parsers.docker_inspect import ContainerSnapshot
from parsers.killers import KillerFact
from parsers.meminfo import HostMemory
from parsers.oom_facts import KernelLine
from parsers.proc_event import WaitStatus
from sinks.event import EvidenceSource, Killer, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelFact:
    """
    A line of the kernel log, from /dev/kmsg or from the journal.
    """

    source: EvidenceSource
    line: KernelLine


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotFact:
    """
    What `docker inspect` said.

    Attributes:
        seen_at_ns: when it was asked.
        boot_id: the boot of the host in which the run began that it shows; None for a recording.
        ended_unseen: it shows an end after the last event that was seen.
    """

    snapshot: ContainerSnapshot
    seen_at_ns: int
    boot_id: str | None = None
    ended_unseen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerGoneFact:
    """
    Docker does not know this container any more, and nobody saw it go.
    """

    container_id: str
    seen_at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFact:
    """
    The Docker daemon stopped answering, or answers again.
    """

    up: bool
    at_ns: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedRunFact:
    """
    A run that was going on when the agent was last here, from its own store.

    Attributes:
        boot_id: the boot in which it ran.
        started_at_ns: State.StartedAt of the run, or the time of its start event.
    """

    container_id: str
    name: str | None
    image: str | None
    boot_id: str | None
    started_at_ns: int
    main_pid: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedKillFact:
    """
    An OOM kill that was published before the agent was restarted.
    """

    event_id: str
    container_id: str
    at_ns: int
    pid: int
    comm: str | None
    main_process: bool | None
    killer: Killer
    scope: Scope | None
    limit_bytes: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessExited:
    """
    A process of a container ended, whatever way.

    Attributes:
        start_boottime_ns: when it was forked, CLOCK_BOOTTIME; tells it from others of the same pid.
        container: where it was before its end.
        comm: None when it had run a new program and was gone before its name could be read.
        command_line: with secrets masked.
        parent_pid: whose child it was at its end.
        ancestors: names of its parent, grandparent and so on in the container, as of its fork.
        status: None when nobody saw its end, only that it is gone; it ended at `at_ns` or before.
        monotonic_us: the end on the kernel's clock, about that of the kernel log.
    """

    pid: int
    start_boottime_ns: int
    container: ContainerRef
    comm: str | None
    command_line: str | None
    parent_pid: int | None
    ancestors: tuple[str, ...]
    status: WaitStatus | None
    monotonic_us: int
    at_ns: int


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
class SignalSeen:
    """
    A signal that can end a process was sent, as the kernel itself saw it.

    Attributes:
        code: si_code: 0 and below were sent by a process, 128 by the kernel.
        sender_unit: the systemd unit that the sender is part of.
        target_pid: on the host.
    """

    signal: int
    code: int
    sender_pid: int
    sender_comm: str | None
    sender_uid: int | None
    sender_container: ContainerRef | None
    sender_unit: str | None
    target_pid: int
    target_comm: str
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VictimSeen:
    """
    The kernel's OOM killer has chosen a process, whether or not the log tells so.

    Attributes:
        container: where it was a moment later, while it died; None where it was gone already.
    """

    pid: int
    comm: str | None
    at_ns: int
    container: ContainerRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OomCounted:
    """
    What the kernel's counter of OOM kills says of the time between two looks.

    Attributes:
        container_id: None: the host's counter, which is told with every look.
        count: by how much it went up.
    """

    container_id: str | None
    count: int
    from_ns: int
    to_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitsRead:
    """
    Every exit of a process until a moment has been read: one that did not come will not come any more.
    """

    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GapFact:
    """
    A source lost something, went down or came back.

    Attributes:
        source: the source's name, as in the configuration.
        what: a word: `records_lost`, `source_down`, `source_up`, `cursor_lost`, `garbage`.
        text: the same for a person.
    """

    source: str
    what: str
    at_ns: int
    text: str
    count: int | None = None
    from_ns: int | None = None
    to_ns: int | None = None


Fact = (
    KernelFact
    | DockerEvent
    | SnapshotFact
    | ContainerGoneFact
    | EngineFact
    | RememberedRunFact
    | RememberedKillFact
    | KillerFact
    | ProcessExited
    | MemoryRound
    | ExitsRead
    | SignalSeen
    | VictimSeen
    | OomCounted
    | GapFact
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """
    Which reading of which source a fact came in: positions wait for what is still held (docs/adr/0003).
    """

    source: str
    ordinal: int

"""
What the sources observe: the facts about kernel log, processes and containers, and `Fact`, the union of all facts.
"""

from dataclasses import dataclass

from collector.facts.kernel import KernelFact, ThreadCrashedFact
from collector.facts.memory import ContainerProcessesFact, MemoryRoundFact
from collector.facts.restored import RestoredDeathFact, RestoredKillFact, RestoredRunFact, RestoredWarningFact
from collector.facts.stops import StopsFact
from collector.facts.watermark import WatermarkFact
from parsers.cgroup_path import ContainerRef
from parsers.docker_event import DockerEvent
from parsers.docker_inspect import ContainerSnapshot
from parsers.engine import ContainerEngine
from parsers.killers import KillerFact
from parsers.proc_event import WaitStatus
from parsers.unit_stops import UnitStopping
from sinks.event import GapKind


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotFact:
    """
    The answer of `docker inspect`.

    Attributes:
        seen_at_ns: when Docker was asked.
        boot_id: the boot in which the run of the snapshot began; None in a recording.
        ended_unseen: whether the snapshot shows an end that is later than the last event of the container.
        cgroup: the one that the running main process is in, up to the component that names the container; None where
            /proc does not show it.
        engine: the engine that answered; None in a recording.
    """

    snapshot: ContainerSnapshot
    seen_at_ns: int
    boot_id: str | None = None
    ended_unseen: bool = False
    cgroup: str | None = None
    engine: ContainerEngine | None = None

    @property
    def occurred_at_ns(self) -> int:
        """The time at which Docker was asked."""
        return self.seen_at_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerGoneFact:
    """
    An engine no longer knows a container, and no event said that it was removed.

    Attributes:
        seen_at_ns: when it was asked.
        engine: the engine, where that is not the host's Docker.
    """

    container_id: str
    seen_at_ns: int
    engine: ContainerEngine | None = None

    @property
    def occurred_at_ns(self) -> int:
        """The time at which Docker was asked."""
        return self.seen_at_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTailRequestedFact:
    """
    The log tail of an ended run has been requested: the verdict waits for it, up to its deadline.

    Attributes:
        die_event_ns: the time of Docker's `die` event.
    """

    container_id: str
    die_event_ns: int

    @property
    def occurred_at_ns(self) -> None:
        """None: the request has no time of its own."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTailFact:
    """
    The last lines that a run wrote to its log, with secrets masked.

    Attributes:
        die_event_ns: the time of Docker's `die` event, as in the request.
        lines: oldest first.
        missing: why there are no lines; None where there are some.
    """

    container_id: str
    die_event_ns: int
    lines: tuple[str, ...] = ()
    missing: str | None = None

    @property
    def occurred_at_ns(self) -> None:
        """None: Docker does not say when the lines were written."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerDaemonFact:
    """
    The Docker daemon stopped answering, or answers again.
    """

    up: bool
    at_ns: int
    text: str

    @property
    def occurred_at_ns(self) -> int:
        """The time of the change."""
        return self.at_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessExitedFact:
    """
    A process of a container ended.

    Attributes:
        started_ns: when it was forked; distinguishes processes that had the same pid.
        container: its container before it ended.
        comm: None when it had started a new program and ended before its name could be read.
        command_line: with secrets masked.
        parent_pid: its parent when it ended.
        ancestors: names of its parent, grandparent and so on in the container, when it was forked.
        namespace_pid: its pid in the container, if it ran a program that no process of the container had started.
        status: None when nobody saw the end, only that the process is gone; then it ended at `at_ns` or before.
        monotonic_us: the end on the kernel's clock, close to that of the kernel log.
    """

    pid: int
    started_ns: int
    container: ContainerRef
    comm: str | None
    command_line: str | None
    parent_pid: int | None
    ancestors: tuple[str, ...]
    status: WaitStatus | None
    monotonic_us: int
    at_ns: int
    namespace_pid: int | None = None

    @property
    def occurred_at_ns(self) -> int:
        """The end of the process."""
        return self.at_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalFact:
    """
    A signal that can end a process was sent, as the kernel traced it.

    Attributes:
        code: si_code: a process sent 0 and below, the kernel sent 128.
        sender_unit: the systemd unit of the sender.
        sender_exe: the file that the sender runs; None also where the agent may not read that.
        sender_placed: whether its cgroup was read while it ran; if not, no unit and no container mean nothing.
        target_pid: in the host's numbering.
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
    sender_exe: str | None = None
    sender_placed: bool = False

    @property
    def occurred_at_ns(self) -> int:
        """The time at which the signal was sent."""
        return self.at_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class VictimMarkedFact:
    """
    The kernel's OOM killer has chosen a process, whether or not the kernel log says so.

    Attributes:
        container: its container a moment later, while it was dying; None where it was gone already.
    """

    pid: int
    comm: str | None
    at_ns: int
    container: ContainerRef | None = None

    @property
    def occurred_at_ns(self) -> int:
        """The time at which the OOM killer chose the process."""
        return self.at_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class OomCountedFact:
    """
    By how much the kernel's counter of OOM kills rose between two scans; on a starved host a scan takes seconds.

    Attributes:
        container_id: None for the host's counter, which is reported after every read.
        count: by how much the counter rose.
        from_ns: when the previous scan began.
        read_ns: when this scan began: every kill before it is counted, here or earlier.
        to_ns: when this scan ended: no kill after it is counted.
    """

    container_id: str | None
    count: int
    from_ns: int
    read_ns: int
    to_ns: int

    @property
    def occurred_at_ns(self) -> int:
        """The scan that found the counter higher."""
        return self.to_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class GapFact:
    """
    A source lost data, went down or came back.

    Attributes:
        source: the source's name, as in the configuration.
        what: the kind of gap.
        text: the same for a person.
    """

    source: str
    what: GapKind
    at_ns: int
    text: str
    count: int | None = None
    from_ns: int | None = None
    to_ns: int | None = None

    @property
    def occurred_at_ns(self) -> int:
        """The time at which the gap was noticed."""
        return self.at_ns


# What happens to services that run containers.
ServiceFact = DockerDaemonFact | UnitStopping

Fact = (
    KernelFact
    | DockerEvent
    | SnapshotFact
    | ContainerGoneFact
    | LogTailRequestedFact
    | LogTailFact
    | ServiceFact
    | RestoredRunFact
    | RestoredKillFact
    | RestoredDeathFact
    | KillerFact
    | ProcessExitedFact
    | ThreadCrashedFact
    | MemoryRoundFact
    | ContainerProcessesFact
    | RestoredWarningFact
    | WatermarkFact
    | SignalFact
    | VictimMarkedFact
    | OomCountedFact
    | StopsFact
    | GapFact
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """
    The reading of a source that a fact came in: a position is not stored while a fact before it is held (ADR 3).
    """

    source: str
    ordinal: int

"""
Facts: what the sources tell the correlator, in the words of the parsers, with where it was seen.

A fact is something that was observed, never a conclusion. Times are nanoseconds of the wall clock since 1970.
"""

from dataclasses import dataclass

from collector.correlate.memory_facts import ContainerProcesses, MemoryRound, RememberedWarningFact
from parsers.cgroup_path import ContainerRef
from parsers.docker_event import DockerEvent
from parsers.docker_inspect import ContainerSnapshot
from parsers.killers import KillerFact
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
class LastWordsAsked:
    """
    The last lines of a container's log have been asked for: the verdict about its end waits for them, not for long.

    Attributes:
        die_event_ns: the time of Docker's event of the end.
    """

    container_id: str
    die_event_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LastWordsFact:
    """
    What a container wrote last before an end, secrets masked.

    Attributes:
        die_event_ns: as in the question.
        lines: oldest first.
        missing: why there are none; None where there are some.
    """

    container_id: str
    die_event_ns: int
    lines: tuple[str, ...] = ()
    missing: str | None = None


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
        started_ns: when it was forked; tells it from others of the same pid.
        container: where it was before its end.
        comm: None when it had run a new program and was gone before its name could be read.
        command_line: with secrets masked.
        parent_pid: whose child it was at its end.
        ancestors: names of its parent, grandparent and so on in the container, as of its fork.
        status: None when nobody saw its end, only that it is gone; it ended at `at_ns` or before.
        monotonic_us: the end on the kernel's clock, about that of the kernel log.
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
        what: a word: `records_lost`, `source_down`, `source_up`, `cursor_lost`, `garbage`, `store_damaged`.
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
    | LastWordsAsked
    | LastWordsFact
    | EngineFact
    | RememberedRunFact
    | RememberedKillFact
    | KillerFact
    | ProcessExited
    | MemoryRound
    | ContainerProcesses
    | RememberedWarningFact
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

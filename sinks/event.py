"""
The published event, version 1: what every sink carries and every consumer reads.

Envelope: CloudEvents 1.0. Data: shaped as the Elastic Common Schema, with one namespace of our own (`exit137`).
The JSON Schema beside this file (event.schema.json) is the contract; docs/event.md explains it. The type stands
here, not in the collector, because the wire format must not change when the agent's insides do.

Inside the program times are integers (nanoseconds since 1970, UTC) in fields that end in `_ns`; `document()` writes
them as RFC 3339 under the name without the suffix. None means unknown and is left out of the document.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum, StrEnum
from typing import Any, Final

import orjson

SCHEMA_VERSION: Final = 1
_NS_PER_S: Final = 1_000_000_000


class EventType(StrEnum):
    """
    What happened.
    """

    OOM_KILL = "exit137.oom_kill"
    CONTAINER_DEATH = "exit137.container_death"
    MEMORY_PRESSURE = "exit137.memory_pressure"
    CONTAINER_STUCK = "exit137.container_stuck"
    AGENT = "exit137.agent"


class Cause(StrEnum):
    """
    Why a container's run ended (docs/causes.md tells what proves each).
    """

    EXIT = "exit"
    APP_ERROR = "app_error"
    CRASH = "crash"
    OOM_KILL = "oom_kill"
    OOM_KILL_CHILD = "oom_kill_child"
    DOCKER_KILL = "docker_kill"
    DOCKER_STOP = "docker_stop"
    DOCKER_STOP_TIMEOUT = "docker_stop_timeout"
    DOCKER_RM = "docker_rm"
    SIGNAL = "signal"
    USER_SPACE_OOM = "user_space_oom"
    DAEMON_SHUTDOWN = "daemon_shutdown"
    HOST_REBOOT = "host_reboot"
    START_FAILED = "start_failed"
    UNKNOWN = "unknown"


class Confidence(StrEnum):
    """
    How much the evidence carries: it says so; it leaves one good explanation; it leaves several.
    """

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Scope(StrEnum):
    """
    Whose memory ran out: the container's own limit, a cgroup above it, or the host.
    """

    CONTAINER = "container"
    PARENT = "parent"
    HOST = "host"


class Killer(StrEnum):
    """
    Who chose the victim.
    """

    KERNEL = "kernel"
    SYSTEMD_OOMD = "systemd-oomd"
    EARLYOOM = "earlyoom"
    OOMD = "oomd"


class EvidenceSource(StrEnum):
    """
    Where a piece of evidence was seen.
    """

    KMSG = "kmsg"
    JOURNALD = "journald"
    DOCKER = "docker"
    INSPECT = "inspect"
    PROCESS = "process"
    TRACE = "trace"
    CGROUP = "cgroup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """
    One thing that was seen, in its own words.
    """

    source: EvidenceSource
    time_ns: int | None = None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EcsEvent:
    """
    ECS `event.*`. `severity`: 1 debug, 2 info, 3 notice, 4 warning, 5 error, 6 critical.
    """

    kind: str
    category: tuple[str, ...]
    type: tuple[str, ...]
    action: str
    reason: str | None = None
    severity: int
    code: str | None = None
    dataset: str = "exit137"


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """
    ECS `host.boot`.
    """

    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOs:
    """
    ECS `host.os`; `kernel` is the release (`uname -r`).
    """

    kernel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """
    ECS `host.*`; `id` is the machine id.
    """

    id: str | None = None
    hostname: str | None = None
    boot: Boot | None = None
    os: HostOs | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageHash:
    """
    ECS `container.image.hash`.
    """

    all: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """
    ECS `container.image`.
    """

    name: str | None = None
    tag: tuple[str, ...] = ()
    hash: ImageHash | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """
    ECS `container.*`; `id` is the full id (64 hex digits, or what the runtime uses).
    """

    id: str | None = None
    name: str | None = None
    image: Image | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    runtime: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrchestratorResource:
    """
    ECS `orchestrator.resource`: the compose service, swarm service or pod.
    """

    type: str | None = None
    name: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Orchestrator:
    """
    ECS `orchestrator.*`, read from labels: `type` is compose, swarm or kubernetes; `namespace` the project or stack.
    """

    type: str | None = None
    namespace: str | None = None
    resource: OrchestratorResource | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentProcess:
    """
    ECS `process.parent`.
    """

    pid: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """
    ECS `process.*`: the victim of a kill, or the main process of a container.
    """

    pid: int | None = None
    name: str | None = None
    command_line: str | None = None
    start_ns: int | None = None
    parent: ParentProcess | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """
    The process whose allocation failed; it need not be the victim.
    """

    pid: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """
    One process that an OOM killer killed.
    """

    pid: int
    name: str | None = None
    container_id: str | None = None
    main_process: bool | None = None
    anon_rss_bytes: int | None = None
    file_rss_bytes: int | None = None
    shmem_rss_bytes: int | None = None
    total_vm_bytes: int | None = None
    oom_score_adj: int | None = None
    uid: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """
    A process that the kernel could have chosen.

    Attributes:
        score_bytes: what it compares: resident memory and adjustment; None where the process may not be killed.
    """

    pid: int
    name: str | None = None
    rss_bytes: int
    oom_score_adj: int | None = None
    score_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Oom:
    """
    One OOM: whose memory ran out, who asked for more, and who died for it.

    Attributes:
        choice: why this victim, in a sentence.
        candidates: the processes that were there, the likeliest victim first, ten at most; None where not told.
    """

    scope: Scope | None = None
    killer: Killer
    constraint: str | None = None
    limit_cgroup: str | None = None
    victim_cgroup: str | None = None
    group: bool = False
    trigger: Trigger | None = None
    limit_bytes: int | None = None
    usage_bytes: int | None = None
    victims: tuple[Victim, ...] = ()
    choice: str | None = None
    candidates: tuple[Candidate, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalSender:
    """
    Who sent the signal that ended the container.

    Attributes:
        container_id: of the sender, where it runs in one.
        unit: the systemd unit that the sender is part of.
    """

    pid: int | None = None
    name: str | None = None
    uid: int | None = None
    container_id: str | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """
    How a run ended. `oom_kill_ids` are the events of the OOM kills of this run.
    """

    exit_code: int | None = None
    signal: int | None = None
    oom_killed_flag: bool | None = None
    started_at_ns: int | None = None
    finished_at_ns: int | None = None
    restart_count: int | None = None
    oom_kill_ids: tuple[str, ...] = ()
    killer: SignalSender | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """
    What the container's memory did before.

    Attributes:
        limit_bytes: the smallest of the container's own limit and those of the cgroups above it.
        limit_cgroup: whose limit that is, where it is not the container's own.
        working_set_bytes: usage without the file pages that the kernel drops first; its parts follow.
        file_bytes: cached pages of files, also those that are not in the working set.
        trend: leak, spike, sawtooth, steady, undersized, cache or unknown.
        trend_confidence: how clear that is; never certain.
        r_squared: how well a straight line fits the growth, 0 to 1.
        rise_s: how long a spike took.
        series: (seconds before the event, bytes of the working set), oldest first.
    """

    limit_bytes: int | None = None
    limit_cgroup: str | None = None
    peak_bytes: int | None = None
    working_set_bytes: int | None = None
    anon_bytes: int | None = None
    file_bytes: int | None = None
    shmem_bytes: int | None = None
    kernel_bytes: int | None = None
    swap_bytes: int | None = None
    trend: str | None = None
    trend_confidence: Confidence | None = None
    growth_bytes_per_min: float | None = None
    r_squared: float | None = None
    rise_s: float | None = None
    series: tuple[tuple[float, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLoad:
    """
    All containers against the host: sums of working sets and of limits, and how many have no limit.
    """

    total_bytes: int
    working_sets_bytes: int
    limits_bytes: int
    containers: int
    unlimited: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressure:
    """
    A warning about memory.

    Attributes:
        kind: limit, growth, forecast, stall, swap, host_memory or host_limits.
        level: warning, critical or resolved.
        since_ns: when it first rose.
        value: what was compared with the thresholds, as docs/event.md tells for each kind.
        growth_bytes: in ten minutes, where the working set doubled in that time.
        seconds_to_limit: at the growth of the last minutes; with it the soonest and the latest that the samples allow.
        host: for the kinds that are about the host.
    """

    kind: str
    level: str
    since_ns: int | None = None
    value: float | None = None
    growth_bytes: int | None = None
    seconds_to_limit: float | None = None
    soonest_s: float | None = None
    latest_s: float | None = None
    host: HostLoad | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """
    The bad state of a container that survived the OOM kill of a child.

    Attributes:
        state: spinning, unhealthy or killing.
        resolved: it is out of it again.
        since_ns: when it began.
        kills: children killed, in the ten minutes before and since.
        first_kill_ns: the first of these.
        oom_kill_ids: their events.
        cpu_share: of the CPU that it may use, 1.0 is all.
    """

    state: str
    resolved: bool
    since_ns: int | None = None
    kills: int
    first_kill_ns: int | None = None
    oom_kill_ids: tuple[str, ...] = ()
    cpu_share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """
    What to do, and why.

    Attributes:
        kind: a word for it: `limit`, `heap`, `workers`, `swap`, …
        value: what to set it to, where that is a number; bytes, or a count for `workers`.
        cap: what `value` was kept below.
        unless: when it does not apply.
    """

    kind: str
    value: int | None = None
    text: str
    reason: str
    cap: int | None = None
    unless: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """
    What an agent event is about: evidence lost, or a source down or back.

    Attributes:
        source: the source's name, as in the configuration.
        what: a word for it (`records_lost`, `source_down`, `source_up`, `report_incomplete`, …).
        count: how many were lost, where that is known.
        from_ns: begin of the time that is not covered.
        to_ns: its end; None while it lasts.
    """

    source: str
    what: str
    count: int | None = None
    from_ns: int | None = None
    to_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit137:
    """
    Our own namespace. `logs` are the last lines of the container, secrets masked; `logs_missing` why there are none.
    """

    schema_version: int = SCHEMA_VERSION
    cause: Cause | None = None
    confidence: Confidence
    evidence: tuple[Evidence, ...] = ()
    oom: Oom | None = None
    death: Death | None = None
    memory: Memory | None = None
    pressure: Pressure | None = None
    stuck: Stuck | None = None
    advice: tuple[Advice, ...] = ()
    logs: tuple[str, ...] = ()
    logs_missing: str | None = None
    gap: Gap | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """
    One event. `subject` is `container/<full id>` or `process/<pid>`; `id` is the same however often it is told.
    """

    id: str
    type: EventType
    subject: str
    time_ns: int | None
    message: str
    event: EcsEvent
    host: Host
    container: Container | None = None
    orchestrator: Orchestrator | None = None
    process: Process | None = None
    exit137: Exit137

    @property
    def key(self) -> str:
        """
        What orders events among themselves: all with the same key reach a sink in the order of their making.
        """
        return self.container.id if self.container and self.container.id else self.subject


def document(event: Event) -> dict[str, Any]:
    """
    The event as the JSON object that the schema describes.
    """
    time = rfc3339(event.time_ns) if event.time_ns is not None else None
    data = {
        "@timestamp": time,
        "message": _unicode(event.message),
        "event": _plain(event.event),
        "host": _plain(event.host),
        "container": _plain(event.container),
        "orchestrator": _plain(event.orchestrator),
        "process": _plain(event.process),
        "exit137": _plain(event.exit137),
    }
    envelope = {
        "specversion": "1.0",
        "id": event.id,
        "source": f"urn:exit137:host:{event.host.id or 'unknown'}",
        "type": event.type.value,
        "subject": _unicode(event.subject),
        "time": time,
        "datacontenttype": "application/json",
        "data": {key: value for key, value in data.items() if value is not None},
    }
    return {key: value for key, value in envelope.items() if value is not None}


def to_json(event: Event) -> bytes:
    """
    The event as one structured CloudEvent, one line, no newline at its end; text that is not Unicode is replaced.
    """
    return orjson.dumps(document(event))


def rfc3339(time_ns: int) -> str:
    """
    A time of the wall clock in UTC with microseconds, as in `2026-11-22T03:17:04.118203Z`.
    """
    seconds, rest_ns = divmod(time_ns, _NS_PER_S)
    stamp = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest_ns // 1000)
    return stamp.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _plain(value: object) -> Any:  # noqa: ANN401 (JSON has seven kinds of value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return _unicode(value)
    if is_dataclass(value) and not isinstance(value, type):
        return _object(value)
    if isinstance(value, Mapping):
        return {_unicode(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _object(value: Any) -> dict[str, Any]:  # noqa: ANN401 (any of the dataclasses above)
    plain: dict[str, Any] = {}
    for item in fields(value):
        content = getattr(value, item.name)
        if content is None:
            continue
        if item.name.endswith("_ns"):
            plain[item.name.removesuffix("_ns")] = rfc3339(content)
        else:
            plain[item.name] = _plain(content)
    return plain


def _unicode(text: str) -> str:
    """
    Text that JSON can carry: what is no character (bytes that were not UTF-8 are kept as surrogates) becomes U+FFFD.
    """
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

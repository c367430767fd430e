"""
What the detectors take from a published event.

Times are those of the host's clock, but never later than now: a clock that is ahead must not move events of a host to
the future.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

from sinks.event.reader import time_ns
from sinks.event.views import EventView
from sinks.event.words import Cause, EventType, GapKind, KernelEventKind, Scope

_HOST_PREFIX: Final = "urn:exit137:host:"
_NS_PER_S: Final = 1_000_000_000
# A status says how often it comes; one that says something absurd is taken for the default.
_SHORTEST_INTERVAL_S: Final = 1.0
_LONGEST_INTERVAL_S: Final = 86_400.0
_DEFAULT_INTERVAL_S: Final = 60.0
# The deaths that an operator or a deploy has ordered, and the runs that ended well.
ORDERED: Final = frozenset(
    {Cause.EXIT, Cause.DOCKER_KILL, Cause.DOCKER_STOP, Cause.DOCKER_STOP_TIMEOUT, Cause.DOCKER_RM}
)
# The deaths that do not speak about the program: somebody or something on the host ended it.
FROM_THE_HOST: Final = frozenset({Cause.SIGNAL, Cause.DAEMON_SHUTDOWN, Cause.HOST_REBOOT})
DOCKER_DOWN: Final = "docker_down"
HOST_OUT_OF_MEMORY: Final = "host_out_of_memory"
_HOST_KERNEL_EVENTS: Final = frozenset(
    {
        KernelEventKind.HUNG_TASK,
        KernelEventKind.SOFT_LOCKUP,
        KernelEventKind.GPU_ERROR,
        KernelEventKind.MEMORY_ERROR,
        KernelEventKind.FILESYSTEM_ERROR,
        KernelEventKind.NETWORK_ERROR,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """
    Where and when something happened.

    Attributes:
        event_id: the event that says so.
        host: the host's machine id.
        hostname: its name.
        at_ns: when, nanoseconds since 1970.
    """

    event_id: str
    host: str
    hostname: str | None
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """
    A container's run ended.

    Attributes:
        service: the service of the container, the same on all hosts.
        digest: of its image; its version where there is none.
        oom_scope: whose memory ran out, if it was OOM-killed.
        kill_ids: the events of the OOM kills in the run.
        memory_trend: the shape of the memory curve before it.
        memory_growth_bytes_per_min: how fast its memory grew.
        culprit_id: the container that took the memory, if the death names one.
        culprit_name: the name of that container.
    """

    origin: Origin
    cause: str
    service: str | None
    digest: str | None
    version: str | None
    container: str | None
    oom_scope: str | None
    kill_ids: tuple[str, ...]
    memory_trend: str | None
    memory_growth_bytes_per_min: float | None
    culprit_id: str | None
    culprit_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """
    An OOM killer killed processes.

    Attributes:
        service: the service of the container in which it killed.
        containers: ids of the victims' containers.
        culprit_id: the container that took the memory.
        culprit_name: the name of that container.
    """

    origin: Origin
    scope: str | None
    service: str | None
    containers: tuple[str, ...]
    culprit_id: str | None
    culprit_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSignal:
    """
    An event about the host itself that can explain deaths on it: a kind of kernel event, or `docker_down`.
    """

    origin: Origin
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningService:
    """
    One version of a service on one host, since the last status.
    """

    service: str
    digest: str | None
    version: str | None
    running: int
    container_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """
    The status of a host.
    """

    origin: Origin
    interval_ns: int
    services: tuple[RunningService, ...]


Observation: TypeAlias = Death | Kill | HostSignal | Status


def origin_of(view: EventView, now_ns: int) -> Origin | None:
    """
    Return where and when an event happened; None if it names no host.
    """
    host = view.data.host.id or view.source.removeprefix(_HOST_PREFIX)
    at_ns = time_ns(view.time or view.data.timestamp)
    if not host or not view.id:
        return None
    return Origin(
        event_id=view.id,
        host=host,
        hostname=view.data.host.hostname,
        at_ns=min(at_ns, now_ns) if at_ns is not None else now_ns,
    )


def observation_of(view: EventView, origin: Origin) -> Observation | None:
    """
    Return what an event says about the fleet; None if it says nothing that a detector uses.
    """
    match view.type:
        case EventType.CONTAINER_DEATH:
            return _death(view, origin)
        case EventType.OOM_KILL:
            return _kill(view, origin)
        case EventType.KERNEL_EVENT:
            kernel = view.exit137.kernel
            is_about_host = kernel is not None and kernel.kind in _HOST_KERNEL_EVENTS
            return HostSignal(origin=origin, kind=kernel.kind) if kernel is not None and is_about_host else None
        case EventType.AGENT:
            gap = view.exit137.gap
            is_down = gap is not None and gap.what == GapKind.SOURCE_DOWN and gap.source == "docker"
            return HostSignal(origin=origin, kind=DOCKER_DOWN) if is_down else None
        case EventType.HOST_STATUS:
            return _status(view, origin)
        case _:
            return None


def service_of(view: EventView) -> str | None:
    """
    Return the service of an event's container: its own name for it, else that of its orchestrator.
    """
    return view.data.service.name or view.data.orchestrator.resource.name


def _death(view: EventView, origin: Origin) -> Death:
    container, exit137 = view.data.container, view.exit137
    hashes = container.image.hash.all if container is not None else ()
    return Death(
        origin=origin,
        cause=exit137.cause or Cause.UNKNOWN,
        service=service_of(view),
        digest=hashes[0] if hashes else view.data.service.version,
        version=view.data.service.version,
        container=container.id if container is not None else None,
        oom_scope=exit137.oom.scope if exit137.oom is not None else None,
        kill_ids=exit137.death.oom_kill_ids if exit137.death is not None else (),
        memory_trend=exit137.memory.trend if exit137.memory is not None else None,
        memory_growth_bytes_per_min=exit137.memory.growth_bytes_per_min if exit137.memory is not None else None,
        culprit_id=exit137.culprit.container_id if exit137.culprit is not None else None,
        culprit_name=exit137.culprit.name if exit137.culprit is not None else None,
    )


def _kill(view: EventView, origin: Origin) -> Kill:
    exit137 = view.exit137
    victims = exit137.oom.victims if exit137.oom is not None else ()
    own = view.data.container.id if view.data.container is not None else None
    containers = dict.fromkeys(found for found in (own, *(victim.container_id for victim in victims)) if found)
    return Kill(
        origin=origin,
        scope=exit137.oom.scope if exit137.oom is not None else None,
        service=service_of(view),
        containers=tuple(containers),
        culprit_id=exit137.culprit.container_id if exit137.culprit is not None else None,
        culprit_name=exit137.culprit.name if exit137.culprit is not None else None,
    )


def _status(view: EventView, origin: Origin) -> Status | None:
    status = view.exit137.status
    if status is None:
        return None
    is_sane = _SHORTEST_INTERVAL_S <= status.interval_s <= _LONGEST_INTERVAL_S
    interval_s = status.interval_s if is_sane else _DEFAULT_INTERVAL_S
    return Status(
        origin=origin,
        interval_ns=round(interval_s * _NS_PER_S),
        services=tuple(
            RunningService(
                service=item.name,
                digest=item.digest or item.version,
                version=item.version,
                running=max(item.running, 0),
                container_ns=round(min(max(item.container_seconds, 0.0), 1e9) * _NS_PER_S),
            )
            for item in status.services
            if item.name
        ),
    )


def is_of_several(scope: str | None) -> bool:
    """
    Return True if the memory that ran out is that of the host, or of a cgroup above several containers.
    """
    return scope in (Scope.HOST, Scope.PARENT)

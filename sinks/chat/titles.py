"""
Says in a few words what happened and to whom: the title of a message, and a line of an overview.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from sinks.event.fleet_views import FleetView
from sinks.event.views import EventView, Exit137View, GapView, KernelView, PressureView, StuckView, VictimView
from sinks.event.words import Cause, EventType, FleetKind, IncidentState, KernelEventKind
from sinks.text import printable

_SHORT_ID: Final = 12
# What happened to a container, by cause.
DEATHS: Final[Mapping[str, str]] = {
    Cause.EXIT: "exited",
    Cause.APP_ERROR: "failed",
    Cause.CRASH: "crashed",
    Cause.OOM_KILL: "was OOM-killed",
    Cause.OOM_KILL_CHILD: "ended after a child process was OOM-killed",
    Cause.DOCKER_KILL: "was killed by docker kill",
    Cause.DOCKER_STOP: "was stopped",
    Cause.DOCKER_STOP_TIMEOUT: "did not stop in time and was killed",
    Cause.DOCKER_RM: "was removed by docker rm -f",
    Cause.SIGNAL: "was ended by a signal",
    Cause.USER_SPACE_OOM: "was killed by a user-space OOM killer",
    Cause.DAEMON_SHUTDOWN: "was stopped by the shutdown of Docker",
    Cause.HOST_REBOOT: "was stopped by a host reboot",
    Cause.START_FAILED: "failed to start",
    Cause.UNKNOWN: "ended for an unknown reason",
}
# Kinds of warnings, as in docs/event.md.
PRESSURES: Final[Mapping[str, str]] = {
    "limit": "memory is near the limit",
    "growth": "memory is growing fast",
    "forecast": "memory is forecast to reach the limit",
    "stall": "processes are stalled waiting for memory",
    "swap": "swapping",
    "host_memory": "host memory is running out",
    "host_limits": "memory limits exceed the host's memory",
}
STATES: Final[Mapping[str, str]] = {
    "spinning": "has been using all its CPU since an OOM kill",
    "unhealthy": "has been unhealthy since an OOM kill",
    "stopping": "does not end after it was killed",
    "killing": "keeps losing processes to the OOM killer",
}
# Kinds of kernel events, as in docs/kernel-events.md.
KERNEL_EVENTS: Final[Mapping[str, str]] = {
    KernelEventKind.SEGFAULT: "a process crashed (segmentation fault)",
    KernelEventKind.INVALID_OPCODE: "a process crashed (invalid instruction)",
    KernelEventKind.GENERAL_PROTECTION: "a process crashed (general protection fault)",
    KernelEventKind.TRAP: "a process crashed (trap)",
    KernelEventKind.ABNORMAL_END: "a signal ended a process",
    KernelEventKind.HUNG_TASK: "a process is blocked in the kernel",
    KernelEventKind.SOFT_LOCKUP: "a CPU is stalled",
    KernelEventKind.PIDS_LIMIT: "the limit of tasks is reached",
    KernelEventKind.SIGNAL_DENIED: "AppArmor refused a signal",
    KernelEventKind.SECCOMP: "a system call was refused",
    KernelEventKind.GPU_ERROR: "GPU error",
    KernelEventKind.MEMORY_ERROR: "memory error",
    KernelEventKind.FILESYSTEM_ERROR: "disk or file system error",
    KernelEventKind.NETWORK_ERROR: "network error",
}
FLEET: Final[Mapping[str, str]] = {
    FleetKind.REGRESSION: "dies more often since a new version",
    FleetKind.HOST_CAUSE: "many services died on one host",
    FleetKind.NEIGHBOUR: "takes the memory of other services",
    FleetKind.STORM: "died on many hosts",
    FleetKind.SILENT_HOST: "no longer reports",
}
# Singular and plural.
KINDS: Final[Mapping[str, tuple[str, str]]] = {
    EventType.OOM_KILL: ("OOM kill", "OOM kills"),
    EventType.CONTAINER_DEATH: ("container death", "container deaths"),
    EventType.MEMORY_PRESSURE: ("memory warning", "memory warnings"),
    EventType.CONTAINER_STUCK: ("stuck container", "stuck containers"),
    EventType.KERNEL_EVENT: ("kernel event", "kernel events"),
    EventType.AGENT: ("exit137 notice", "exit137 notices"),
    EventType.HOST_STATUS: ("host status", "host statuses"),
    EventType.FLEET_INCIDENT: ("fleet incident", "fleet incidents"),
}


def host_of(event: EventView) -> str:
    """
    Return the host that an event is from.
    """
    return printable(event.data.host.hostname or "").strip() or "?"


def owner_of(event: EventView) -> str:
    """
    Return whose container an event is about: a service or pod, else the container's name; the host without a container.
    """
    namespace, resource = event.data.orchestrator.namespace, event.data.orchestrator.resource.name
    if resource is not None:
        return f"{namespace}/{resource}" if namespace is not None else resource
    container = event.data.container
    name = container.name or (container.id or "")[:_SHORT_ID] if container is not None else ""
    return name or host_of(event)


def is_recovery(event: EventView) -> bool:
    """
    Return True if an event says that a problem is over.
    """
    exit137 = event.exit137
    return (
        (exit137.pressure is not None and exit137.pressure.level == "resolved")
        or (exit137.stuck is not None and exit137.stuck.resolved)
        or (exit137.gap is not None and exit137.gap.what == "source_up")
        or (exit137.fleet is not None and exit137.fleet.state == IncidentState.RESOLVED)
    )


def counted(event_type: str, number: int) -> str:
    """
    Return a number of events of a type: `3 OOM kills`.
    """
    singular, plural = KINDS.get(event_type, (event_type, event_type))
    return f"{number} {singular if number == 1 else plural}"


def title_of(event: EventView) -> str:
    """
    Return what an event is about, and whose container it concerns.
    """
    exit137, owner = event.exit137, owner_of(event)
    if (state := _state_title(owner, exit137)) is not None:
        return state
    if exit137.gap is not None:
        return _gap_title(host_of(event), exit137.gap)
    if exit137.fleet is not None:
        return _fleet_title(host_of(event), exit137.fleet)
    if event.type == EventType.CONTAINER_DEATH:
        return _death_title(owner, event)
    if exit137.oom is not None and exit137.oom.victims:
        return _kill_title(owner, exit137.oom.victims, in_container=event.data.container is not None)
    return f"{owner}: {counted(event.type, 1)}"


def _state_title(owner: str, exit137: Exit137View) -> str | None:
    """
    Return what is wrong with a container or host that keeps running.
    """
    if exit137.pressure is not None:
        return _pressure_title(owner, exit137.pressure)
    if exit137.stuck is not None:
        return _stuck_title(owner, exit137.stuck)
    return _kernel_title(owner, exit137.kernel) if exit137.kernel is not None else None


def _death_title(owner: str, event: EventView) -> str:
    exit137 = event.exit137
    words = DEATHS.get(exit137.cause or Cause.UNKNOWN, f"ended: {exit137.cause}")
    code = exit137.death.exit_code if exit137.death is not None else None
    return f"{owner} {words}" + (f" (exit code {code})" if code else "")


def _kill_title(owner: str, victims: Sequence[VictimView], *, in_container: bool) -> str:
    first = victims[0].name or f"pid {victims[0].pid}"
    others = f" and {len(victims) - 1} more" if len(victims) > 1 else ""
    if not in_container:
        return f"{first}{others} on {owner} OOM-killed"
    role = "main process" if any(victim.main_process for victim in victims) else "process"
    return f"{owner}: {role} OOM-killed ({first}{others})"


def _pressure_title(owner: str, pressure: PressureView) -> str:
    words = PRESSURES.get(pressure.kind, pressure.kind.replace("_", " "))
    return f"{owner}: resolved ({words})" if pressure.level == "resolved" else f"{owner}: {words}"


def _stuck_title(owner: str, stuck: StuckView) -> str:
    words = STATES.get(stuck.state, f"is {stuck.state}")
    over = "has ended after all" if stuck.state == "stopping" else "has recovered"
    return f"{owner} {over}" if stuck.resolved else f"{owner} {words}"


def _kernel_title(owner: str, kernel: KernelView) -> str:
    words = KERNEL_EVENTS.get(kernel.kind, kernel.kind.replace("_", " "))
    return f"{owner}: {words}" + (f", {kernel.count} times" if kernel.count > 1 else "")


def _fleet_title(host: str, fleet: FleetView) -> str:
    words = FLEET.get(fleet.kind, fleet.kind.replace("_", " "))
    is_over = fleet.state == IncidentState.RESOLVED
    return f"{fleet.service or host}: {f'resolved ({words})' if is_over else words}"


def _gap_title(host: str, gap: GapView) -> str:
    return f"exit137 on {host}: {gap.what.replace('_', ' ')} ({gap.source})"

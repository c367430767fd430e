"""
What happened, in a few words: the title of a message, and a line of an overview.
"""

from collections.abc import Mapping
from typing import Final

from sinks.chat.document import Document, Gap, Pressure, Stuck, Victim
from sinks.event.words import Cause, EventType

# What became of a container, by the cause.
DEATHS: Final[Mapping[str, str]] = {
    Cause.EXIT: "ended",
    Cause.APP_ERROR: "failed",
    Cause.CRASH: "crashed",
    Cause.OOM_KILL: "was OOM-killed",
    Cause.OOM_KILL_CHILD: "ended after the OOM kill of a child",
    Cause.DOCKER_KILL: "was killed by docker kill",
    Cause.DOCKER_STOP: "was stopped",
    Cause.DOCKER_STOP_TIMEOUT: "did not stop in time and was killed",
    Cause.DOCKER_RM: "was removed by docker rm -f",
    Cause.SIGNAL: "was ended by a signal",
    Cause.USER_SPACE_OOM: "was killed by a user-space OOM killer",
    Cause.DAEMON_SHUTDOWN: "went down with Docker",
    Cause.HOST_REBOOT: "went down with the host",
    Cause.START_FAILED: "did not start",
    Cause.UNKNOWN: "ended, why is not known",
}
# docs/event.md, Warnings.
PRESSURES: Final[Mapping[str, str]] = {
    "limit": "memory near the limit",
    "growth": "memory grows fast",
    "forecast": "memory will reach the limit",
    "stall": "stalled for want of memory",
    "swap": "swapping",
    "host_memory": "the host's memory runs out",
    "host_limits": "memory limits above what the host has",
}
STATES: Final[Mapping[str, str]] = {
    "spinning": "burns its CPU since an OOM kill",
    "unhealthy": "is unhealthy since an OOM kill",
    "killing": "loses process after process to the OOM killer",
}
# One of a kind, and several.
KINDS: Final[Mapping[str, tuple[str, str]]] = {
    EventType.OOM_KILL: ("OOM kill", "OOM kills"),
    EventType.CONTAINER_DEATH: ("container death", "container deaths"),
    EventType.MEMORY_PRESSURE: ("memory warning", "memory warnings"),
    EventType.CONTAINER_STUCK: ("stuck container", "stuck containers"),
    EventType.AGENT: ("notice of exit137", "notices of exit137"),
}


def kind_of(event_type: str, number: int) -> str:
    """
    So many events of a type: `3 OOM kills`.
    """
    one, several = KINDS.get(event_type, (event_type, event_type))
    return f"{number} {one if number == 1 else several}"


def title_of(document: Document) -> str:
    """
    What an event tells, and of whom.
    """
    ours, owner = document.data.exit137, document.owner
    if ours.pressure is not None:
        return _of_pressure(owner, ours.pressure)
    if ours.stuck is not None:
        return _of_stuck(owner, ours.stuck)
    if ours.gap is not None:
        return _of_gap(document.host, ours.gap)
    if document.type == EventType.CONTAINER_DEATH:
        return _of_death(document)
    if ours.oom is not None and ours.oom.victims:
        return _of_kill(owner, ours.oom.victims, in_container=document.data.container is not None)
    return f"{owner}: {kind_of(document.type, 1)}"


def _of_death(document: Document) -> str:
    ours = document.data.exit137
    words = DEATHS.get(ours.cause or Cause.UNKNOWN, f"ended: {ours.cause}")
    code = ours.death.exit_code if ours.death is not None else None
    return f"{document.owner} {words}" + (f" (exit code {code})" if code else "")


def _of_kill(owner: str, victims: tuple[Victim, ...], *, in_container: bool) -> str:
    first = victims[0].name or f"pid {victims[0].pid}"
    others = f" and {len(victims) - 1} more" if len(victims) > 1 else ""
    if not in_container:
        return f"{first}{others} on {owner} OOM-killed"
    if any(victim.main_process for victim in victims):
        return f"{owner}: main process OOM-killed ({first}{others})"
    return f"{owner}: OOM kill of {first}{others}"


def _of_pressure(owner: str, pressure: Pressure) -> str:
    words = PRESSURES.get(pressure.kind, pressure.kind.replace("_", " "))
    return f"{owner}: a warning has passed ({words})" if pressure.level == "resolved" else f"{owner}: {words}"


def _of_stuck(owner: str, stuck: Stuck) -> str:
    words = STATES.get(stuck.state, f"is {stuck.state}")
    return f"{owner} has recovered" if stuck.resolved else f"{owner} {words}"


def _of_gap(host: str, gap: Gap) -> str:
    return f"exit137 on {host}: {gap.what.replace('_', ' ')} ({gap.source})"

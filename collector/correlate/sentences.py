"""
The one sentence of an event that a person reads at 3 in the morning.
"""

from typing import Final

from collector.correlate.kills import KernelKill, PlacedVictim
from collector.correlate.pid_index import Placement
from collector.correlate.runs import ContainerRecord
from collector.correlate.unlogged import UnloggedKill
from collector.correlate.verdict import Verdict
from collector.correlate.wording import shown, size
from sinks.event import Cause, Confidence, Scope

_SHORT_ID: Final = 12
_NAMED: Final = 2


def container_name(record: ContainerRecord | None, container_id: str) -> str:
    """
    The name of a container as it stands in a sentence; its short id where the name is not known.
    """
    name = record.name if record is not None else None
    return f'"{shown(name)}"' if name else container_id[:_SHORT_ID]


def of_kill(kill: KernelKill, record: ContainerRecord | None, limit_bytes: int | None) -> str:
    """
    The sentence of a kernel OOM kill.
    """
    first = kill.victims[0]
    where = _where(first.placement, record)
    return f"The kernel's OOM killer killed {_victims(kill.victims)}{where}: {_why(kill, limit_bytes)}."


def of_unlogged_kill(kill: UnloggedKill, record: ContainerRecord | None) -> str:
    """
    The sentence of kills that only a counter tells of.
    """
    name = container_name(record, kill.container_id)
    lost = "the kernel counted it, its line is lost" if kill.found.count == 1 else "the kernel's lines are lost"
    if not kill.victims:
        count = kill.found.count
        what = "a process" if count == 1 else f"{count} processes"
        return f"The kernel's OOM killer killed {what} of container {name}: {lost}."
    named = " and ".join(f'"{shown(victim.name)}" (pid {victim.pid})' for victim in kill.victims[:_NAMED])
    more = len(kill.victims) - _NAMED
    rest = f" and {more} more" if more > 0 else ""
    sure = kill.confidence.value
    return f"The kernel's OOM killer killed {named}{rest} of container {name} ({sure}): {lost}."


def of_death(record: ContainerRecord, verdict: Verdict, exit_code: int | None) -> str:
    """
    The sentence of a container's death.
    """
    image = f" ({shown(record.image)})" if record.image else ""
    name = container_name(record, record.id)
    if verdict.cause is Cause.START_FAILED:
        return f"Container {name}{image} did not start: {verdict.because.removeprefix('it could not be started: ')}."
    code = f" with exit code {exit_code}" if exit_code is not None else ""
    unsure = "" if verdict.confidence is Confidence.CERTAIN else f" ({verdict.confidence.value})"
    return f"Container {name}{image} ended{code}: {verdict.because}{unsure}."


def _victims(victims: tuple[PlacedVictim, ...]) -> str:
    first = victims[0]
    role = {True: "the main process ", False: "the child process ", None: "process "}[first.main_process]
    named = f'{role}"{shown(first.victim.comm)}" (pid {first.victim.pid})'
    more = len(victims) - 1
    return named if not more else f"{named} and {more} more process{'es' if more > 1 else ''}"


def _where(placement: Placement, record: ContainerRecord | None) -> str:
    if placement.container_id is None:
        return ""
    sure = "" if placement.confidence is Confidence.CERTAIN else ", probably"
    return f"{sure} of container {container_name(record, placement.container_id)}"


def _why(kill: KernelKill, limit_bytes: int | None) -> str:
    limit = size(limit_bytes)
    match kill.scope:
        case Scope.HOST:
            return "the host ran out of memory"
        case Scope.CONTAINER:
            whose = "the container" if kill.victims[0].placement.container_id is not None else "its cgroup"
            return f"{whose} reached its own memory limit" + (f" of {limit}" if limit else "")
        case Scope.PARENT:
            owner = kill.report.oom_memcg or "a cgroup above it"
            return f"{owner} reached its memory limit" + (f" of {limit}" if limit else "")
        case None if kill.report.is_global is None:
            return "the kernel did not print whose memory ran out"
        case None:
            return "a memory limit was reached; the kernel did not print whose"

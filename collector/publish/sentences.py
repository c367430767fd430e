"""
The message of an event: one sentence for a person who was just woken up by it.
"""

from typing import Final

from collector.correlate.attribution import limit_of, limited_cgroup, scope_of
from collector.correlate.container_record import ContainerRecord
from collector.correlate.findings import CounterOnlyKill, KernelKill, UserspaceKill
from collector.correlate.pid_index import Attribution
from collector.correlate.verdict import Verdict
from parsers.oom.facts import LimitKind, OomReport
from sinks.event import Cause, Confidence, Scope
from sinks.text import printable, size

_SHORT_ID: Final = 12
_ERROR_LENGTH: Final = 120
_NAMED: Final = 2
_LIMITS: Final = {
    LimitKind.MEMORY: "memory limit",
    LimitKind.MEMORY_SWAP: "memory+swap limit",
    LimitKind.KERNEL_MEMORY: "kernel memory limit",
}


def container_name(record: ContainerRecord | None, container_id: str) -> str:
    """
    Return the quoted name of a container for a sentence; its short id if the name is unknown.
    """
    name = record.name if record is not None else None
    return f'"{printable(name)}"' if name else container_id[:_SHORT_ID]


def of_kill(kill: KernelKill) -> str:
    """
    Write the message of a kernel OOM kill, with one victim or more.
    """
    first = kill.victims[0]
    where = _where(first.attribution, kill.record)
    in_container = first.attribution.container_id is not None
    why = why_memory_ran_out(kill.report, kill.scope, kill.limit_bytes, in_container=in_container)
    return f"The kernel's OOM killer killed {_victims(kill)}{where}: {why}."


def of_userspace_kill(kill: UserspaceKill) -> str:
    """
    Write the message of a kill by systemd-oomd, earlyoom, nohang, oomd or Talos.
    """
    container = f"container {container_name(kill.record, kill.container_id)}" if kill.container_id is not None else None
    why = "because the host ran short of memory"
    why += f" ({kill.confidence.value})" if kill.author.doubt is not None else ""
    if kill.pid is not None:
        where = f" of {container}" if container is not None else ""
        who = f'"{printable(kill.comm)}" (pid {kill.pid}){where}'
        did = "terminated" if kill.signal == "SIGTERM" else "killed"
        return f"{kill.killer.value} {did} {who} {why}."
    # A user's systemd speaks of its own units, whatever they are named.
    below = f" below {printable(kill.author.within)}" if kill.author.within is not None else ""
    return f"{kill.killer.value} killed {container or printable(kill.cgroup) + below} {why}."


def of_counter_only_kill(kill: CounterOnlyKill) -> str:
    """
    Write the message of OOM kills that only a kernel counter shows.
    """
    name = container_name(kill.record, kill.container_id)
    single = kill.count.count == 1
    lost = f"the kernel counted {'it' if single else 'them'}, but {'its' if single else 'their'} log lines are lost"
    if not kill.victims:
        count = kill.count.count
        what = "a process" if count == 1 else f"{count} processes"
        return f"The kernel's OOM killer killed {what} of container {name}: {lost}."
    named = " and ".join(f'"{printable(victim.name)}" (pid {victim.pid})' for victim in kill.victims[:_NAMED])
    more = len(kill.victims) - _NAMED
    rest = f" and {more} more" if more > 0 else ""
    return f"The kernel's OOM killer killed {named}{rest} of container {name} ({kill.confidence.value}): {lost}."


def of_death(
    record: ContainerRecord, verdict: Verdict, exit_code: int | None, *, log_ends_with: str | None = None
) -> str:
    """
    Write the message of a container's death.

    Args:
        record: the container.
        verdict: why it died.
        exit_code: of the main process.
        log_ends_with: the error at the end of its log, secrets masked.
    """
    image = f" ({printable(record.image)})" if record.image else ""
    name = container_name(record, record.id)
    if verdict.cause is Cause.START_FAILED:
        return f"Container {name}{image} failed to start: {verdict.because.removeprefix('it could not be started: ')}."
    ended = f"exited with code {exit_code}" if exit_code is not None else "ended"
    doubt = "" if verdict.confidence is Confidence.CERTAIN else f" ({verdict.confidence.value})"
    error = f'; its log ends with "{printable(log_ends_with)[:_ERROR_LENGTH]}"' if log_ends_with else ""
    return f"Container {name}{image} {ended}: {verdict.because}{doubt}{error}."


def of_incomplete_report(report: OomReport, container_id: str | None) -> str:
    """
    Write the message of a report that ends before a kill: who called the OOM killer, whose memory ran out.
    """
    scope = scope_of(report, container_id)
    limit_bytes = limit_of(report, None, scope)
    where = f" of container {container_name(None, container_id)}" if container_id is not None else ""
    why = ""
    if scope is not None or limit_bytes is not None:
        why = f": {why_memory_ran_out(report, scope, limit_bytes, in_container=container_id is not None)}"
    if report.no_killable:
        return f"The kernel's OOM killer found no process to kill{where}{why}."
    if report.chosen_comm is not None or report.chosen_pid is not None:
        pid = f" (pid {report.chosen_pid})" if report.chosen_pid is not None else ""
        chosen = f'"{printable(report.chosen_comm)}"{pid}'
        return f"The kernel's OOM killer chose {chosen}{where}{why}; the log lines show no kill."
    caller = ""
    if report.trigger_comm is not None or report.trigger_pid is not None:
        pid = f" (pid {report.trigger_pid})" if report.trigger_pid is not None else ""
        caller = f' by "{printable(report.trigger_comm)}"{pid}' if report.trigger_comm is not None else f" by{pid}"
    in_ = f" in container {container_name(None, container_id)}" if container_id is not None else ""
    return f"The kernel's OOM killer was called{caller}{in_}{why}; the log lines do not show what it killed."


def _victims(kill: KernelKill) -> str:
    first, more = kill.victims[0], len(kill.victims) - 1
    role = {True: "the main process ", False: "the child process ", None: "process "}[first.main_process]
    pid = kill.report.process_of(first.victim)
    thread = f", thread {first.victim.pid}" if pid != first.victim.pid else ""
    named = f'{role}"{printable(first.victim.comm)}" (pid {pid}{thread})'
    return named if not more else f"{named} and {more} more process{'es' if more > 1 else ''}"


def _where(attribution: Attribution, record: ContainerRecord | None) -> str:
    if attribution.container_id is None:
        return ""
    doubt = "" if attribution.confidence is Confidence.CERTAIN else f" ({attribution.confidence.value})"
    return f" of container {container_name(record, attribution.container_id)}{doubt}"


def why_memory_ran_out(report: OomReport, scope: Scope | None, limit_bytes: int | None, *, in_container: bool) -> str:
    """
    Write whose memory ran out, and which limit was reached, as far as the log lines say.

    Args:
        report: the kernel's report.
        scope: whose memory.
        limit_bytes: the limit that was reached.
        in_container: the victim ran in a container.
    """
    reached = report.limit_reached
    kind = _LIMITS[reached[0]] if reached is not None and limit_bytes is not None else "memory limit"
    limit = f"{kind} of {size(limit_bytes)}" if limit_bytes is not None else kind
    match scope:
        case Scope.HOST:
            return "the host ran out of memory"
        case Scope.CONTAINER:
            return f"{'the container' if in_container else 'its cgroup'} reached its own {limit}"
        case Scope.PARENT:
            return f"{printable(limited_cgroup(report) or 'a cgroup above it')} reached its {limit}"
        case None if report.is_global is None:
            return "the log lines do not say whose memory ran out"
        case None:
            return f"a {limit} was reached, but the log lines do not say whose"

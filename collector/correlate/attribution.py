"""
Find the container of a killed process, and the limit that it was killed for.

The victim's cgroup, as the kernel prints it, is proof. Where the kernel dropped it, a pid that was known before the
process died has to do: the main process from `docker inspect`, the others from the task table of an earlier report.
"""

from dataclasses import replace
from enum import StrEnum
from typing import Final

from collector.correlate.container_record import ContainerRecord
from collector.correlate.inventory import ContainerInventory
from collector.correlate.main_exits import INIT_NAMES, is_first_process
from collector.correlate.oom_notices import OomNotice
from collector.correlate.pid_index import Attribution, PidIndex
from collector.correlate.references import known_reference
from parsers.cgroup_path import Runtime, container_of, is_delegated, is_shortened
from parsers.oom.facts import OomReport, OomVictim, TaskRow
from sinks.event import Confidence, Scope

UNATTRIBUTED: Final = Attribution(container_id=None, runtime=None, confidence=Confidence.POSSIBLE)

_OF_THAT_NAME: Final = "{path} is a cgroup of that name, not the one that the container runs in"
_USERS_OWN: Final = "a cgroup of that name, in a part of the tree where a user chooses the names"
_ROWS_WITH_INIT: Final = 2
# What follows the id in the path of a container's own cgroup, whose processes podman may keep one level below.
_ENDS: Final = ("", ".scope")
_PODMANS_OWN: Final = "/container"


class Method(StrEnum):
    """
    What identified the container of a kill: the cgroup path in the kernel's line, a pid that was known before, Docker,
    or systemd. NONE: the process was not in a container, or nothing identified it.
    """

    CGROUP = "cgroup"
    PID = "pid"
    DOCKER = "docker"
    SYSTEMD = "systemd"
    NONE = "none"


def attribute(
    report: OomReport, victim: OomVictim, inventory: ContainerInventory, pids: PidIndex, *, certain_only: bool = False
) -> Attribution | None:
    """
    Attribute a victim; return None while its container is not known. `certain_only` as for `PidIndex.owner`.
    """
    if report.beancounter:
        number = str(report.beancounter)
        return Attribution(container_id=number, runtime=Runtime.OPENVZ.value, confidence=Confidence.CERTAIN)
    path = _victim_path(report)
    several = _may_span_containers(report)
    if several:
        owner = pids.owner(victim, certain_only=certain_only)
        if owner is not None:
            return owner
    if path is None:
        return pids.owner(victim, certain_only=certain_only)
    first = victim is report.victims[0]
    proven = report.task_memcg is not None and _is_proven(report, victim) and not (several and not first)
    return attributed_by_path(path, Confidence.CERTAIN if proven else Confidence.LIKELY, inventory)


def attributed_by_path(path: str, confidence: Confidence, inventory: ContainerInventory) -> Attribution:
    """
    Return the container that a path of the kernel names, if the container runs in that cgroup as far as is known.
    """
    ref = container_of(path)
    if ref is None and is_shortened(path):
        return UNATTRIBUTED
    if ref is None:
        return Attribution(container_id=None, runtime=None, confidence=confidence)
    known = known_reference(ref, inventory)
    if known is None:
        return replace(UNATTRIBUTED, confidence=Confidence.LIKELY, how=_OF_THAT_NAME.format(path=path))
    runtime = known.runtime.value
    if inventory.get(known.id) is None and is_delegated(path):
        return Attribution(container_id=known.id, runtime=runtime, confidence=Confidence.POSSIBLE, how=_USERS_OWN)
    return Attribution(container_id=known.id, runtime=runtime, confidence=confidence)


def container_of_report(report: OomReport) -> str | None:
    """
    Return the container that the cgroups in a report name, without regard to what runs on the host.
    """
    ref = container_of(_victim_path(report) or limited_cgroup(report) or "")
    return str(report.beancounter) if report.beancounter else ref.id if ref is not None else None


def is_attributed_by_path(report: OomReport) -> bool:
    """
    Return whether the paths in a report attribute all its victims, whatever is known of their pids.
    """
    return _victim_path(report) is not None and not _may_span_containers(report)


def attributed_by_notice(notice: OomNotice | None, unread: tuple[str, ...], *, overdue: bool) -> Attribution:
    """
    Attribute a victim that only an OOM notice, or nothing, says anything about.

    Args:
        notice: the notice that fits best.
        unread: sources that have not been read past the kill, and may know more.
        overdue: whether the notice is the last resort.
    """
    if notice is None and unread:
        return replace(UNATTRIBUTED, how=f"not read past this kill within 60 s: {', '.join(unread)}")
    if notice is None:
        return UNATTRIBUTED
    return Attribution(
        container_id=notice.container_id,
        runtime="docker",
        confidence=Confidence.POSSIBLE if overdue else Confidence.LIKELY,
        how=notice.text,
    )


def _victim_path(report: OomReport) -> str | None:
    """
    Return the victim's cgroup; else the one at its limit if that is a container's, because the victim is within it.
    """
    limited = report.oom_memcg if report.oom_memcg and container_of(report.oom_memcg) is not None else None
    if report.task_memcg is not None and (limited is None or not is_shortened(report.task_memcg)):
        return report.task_memcg
    return limited or report.task_memcg or report.victim_cgroup_hint


def _may_span_containers(report: OomReport) -> bool:
    """
    Return whether a group was killed above the cgroup of its first victim: the others may be in other containers.
    """
    return report.group and report.oom_memcg != report.task_memcg


def _is_proven(report: OomReport, victim: OomVictim) -> bool:
    """
    Return whether a line describes this kill and names the process that the summary names.
    """
    return not report.mixed and victim.confirmed and report.process_of(victim) == victim.pid


def scope_of(report: OomReport, container_id: str | None) -> Scope | None:
    """
    Return whose memory ran out, seen from the victim's container; from its cgroup where it has no container.
    """
    if report.is_global:
        return Scope.HOST
    if report.beancounter:
        return Scope.CONTAINER
    limited = limited_cgroup(report)
    if limited is None or (container_of(limited) is None and is_shortened(limited)):
        return None
    if container_id is not None:
        return Scope.CONTAINER if container_id in limited else Scope.PARENT
    return Scope.CONTAINER if limited == report.task_memcg else Scope.PARENT


def limited_cgroup(report: OomReport) -> str | None:
    """
    Return the cgroup at its limit: the kernel prints its statistics first.
    """
    limited, victims = report.oom_memcg, report.task_memcg
    if limited is None:
        return report.limit_cgroup_hint if report.is_global is False else None
    # Before 5.0 the path ends the line, so its end may be cut off: then it ends within a name of the victim's path.
    cut = victims is not None and victims.startswith(limited) and victims[len(limited) :][:1] not in ("", "/")
    return None if cut and limited != "/" else limited


def assumed_scope(report: OomReport, record: ContainerRecord | None) -> Scope | None:
    """
    Assume whose limit a memcg kill without its cgroups reached: the container's own, if it has one.
    """
    if record is None or record.snapshot is None:
        return None
    if record.snapshot.memory_limit_bytes:
        return Scope.CONTAINER
    return Scope.PARENT if report.is_global is False else None


def limit_of(report: OomReport, record: ContainerRecord | None, scope: Scope | None) -> int | None:
    """
    Return the limit in bytes that was reached: as the kernel printed it, else the container's own.
    """
    if scope is Scope.HOST:
        return None
    reached = report.limit_reached
    if reached is not None:
        return reached[1].limit_bytes
    snapshot = record.snapshot if record is not None else None
    return snapshot.memory_limit_bytes if snapshot is not None and scope is Scope.CONTAINER else None


def rows_of_container(report: OomReport, container_id: str) -> tuple[TaskRow, ...]:
    """
    Return the rows of the task table that are the container's: all when the limit was its own, else none for certain.
    """
    if report.is_global or report.oom_memcg is None or container_id not in report.oom_memcg:
        return ()
    return report.tasks


def rows_from_the_first(report: OomReport, container_id: str) -> tuple[TaskRow, ...]:
    """
    Return the same rows if they begin with the container's first process.

    Not if the limit was of a cgroup inside the container, nor if rows may be missing.
    """
    below = (report.oom_memcg or "").rpartition(container_id)[2]
    own = below.removesuffix(_PODMANS_OWN) in _ENDS
    return rows_of_container(report, container_id) if own and report.tasks_complete else ()


def is_main_process(
    report: OomReport, victim: OomVictim, container_id: str, inventory: ContainerInventory
) -> bool | None:
    """
    Return whether a victim was its container's main process (under an init: the process that init runs).

    The kernel lists a cgroup's tasks in the order in which they entered it, so the first row is the process that was
    started first. That is used where Docker was not asked for the pid in time; without the table, how the process was
    started.
    """
    pid = report.process_of(victim)
    record = inventory.get(container_id)
    run = record.run_at(victim.at_ns) if record is not None else None
    main_pid = run.main_pid if run is not None else None
    if pid == main_pid:
        return True
    rows = rows_from_the_first(report, container_id)
    if rows:
        return _is_main_by_rows(pid, rows, main_pid)
    has_init = record is not None and record.snapshot is not None and bool(record.snapshot.init)
    if main_pid is not None and not has_init:
        # On a starved host Docker may not have reported the next run, whose main process may be the victim.
        return None if inventory.has_lost(container_id, main_pid, victim.at_ns) else False
    end = inventory.exit_of(container_id, pid, victim.at_ns)
    return is_first_process(end) if end is not None else None


def _is_main_by_rows(pid: int, rows: tuple[TaskRow, ...], main_pid: int | None) -> bool:
    order = list(dict.fromkeys(row.tgid for row in rows))
    first = next(row for row in rows if row.tgid == order[0])
    if first.comm in INIT_NAMES and len(order) >= _ROWS_WITH_INIT:
        return pid in order[:_ROWS_WITH_INIT]
    return pid == (main_pid if main_pid is not None else order[0])

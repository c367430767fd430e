"""
Which container a killed process belonged to, and whose limit it died for.

The kernel's path of the victim's cgroup is proof. Where the kernel dropped it, a pid that was known before it died
tells: the main process from `docker inspect`, the others from the task table of an earlier report.
"""

from typing import Final

from collector.correlate.book import ContainerBook
from collector.correlate.pid_index import PidIndex, Placement
from collector.correlate.runs import ContainerRecord
from parsers.cgroup_path import ContainerRef, container_of
from parsers.oom_facts import OomReport, OomVictim, TaskRow
from sinks.event import Confidence, Scope

_INIT_NAMES: Final = frozenset({"docker-init", "tini", "dumb-init", "catatonit"})
_ROWS_WITH_INIT: Final = 2
# What follows the id in the path of a container's own cgroup, whose processes podman may keep one level below.
_ENDS: Final = ("", ".scope")
_PODMANS_OWN: Final = "/container"


def place(
    report: OomReport, victim: OomVictim, book: ContainerBook, pids: PidIndex, *, surely: bool = False
) -> Placement | None:
    """
    Where a victim belongs; None when that is not known (yet). `surely` as for `PidIndex.owner`.
    """
    path = report.task_memcg or report.victim_cgroup_hint
    several = report.group and report.oom_memcg != report.task_memcg
    if several:
        owner = pids.owner(victim, surely=surely)
        if owner is not None:
            return owner
    if path is None:
        return pids.owner(victim, surely=surely)
    first = victim is report.victims[0]
    sure = report.task_memcg is not None and _is_proven(report, victim) and not (several and not first)
    confidence = Confidence.CERTAIN if sure else Confidence.LIKELY
    ref = container_of(path)
    if ref is None:
        return Placement(container_id=None, runtime=None, confidence=confidence)
    known = known_reference(ref, book)
    return Placement(container_id=known.id, runtime=known.runtime.value, confidence=confidence)


def _is_proven(report: OomReport, victim: OomVictim) -> bool:
    """
    Whether a line tells of this kill, and names the process that the summary names.
    """
    return not report.mixed and victim.confirmed and report.process_of(victim) == victim.pid


def known_reference(ref: ContainerRef, book: ContainerBook) -> ContainerRef:
    """
    Of nested containers the one that this host's Docker knows; the innermost where it knows none.
    """
    for candidate in (ref, *reversed(ref.outer)):
        if book.get(candidate.id) is not None:
            return candidate
    return ref


def scope_of(report: OomReport, container_id: str | None) -> Scope | None:
    """
    Whose memory ran out, seen from the victim's container; from its cgroup where it has none.
    """
    if report.is_global:
        return Scope.HOST
    if report.oom_memcg is None:
        return None
    if container_id is not None:
        return Scope.CONTAINER if container_id in report.oom_memcg else Scope.PARENT
    return Scope.CONTAINER if report.oom_memcg == report.task_memcg else Scope.PARENT


def rows_of_container(report: OomReport, container_id: str) -> tuple[TaskRow, ...]:
    """
    The rows of the task table that are the container's: all of them when the limit was its own, else none for sure.
    """
    if report.is_global or report.oom_memcg is None or container_id not in report.oom_memcg:
        return ()
    return report.tasks


def rows_from_the_first(report: OomReport, container_id: str) -> tuple[TaskRow, ...]:
    """
    The same rows where they begin with the container's first process: none where the limit was that of a cgroup in it.
    """
    below = (report.oom_memcg or "").rpartition(container_id)[2]
    return rows_of_container(report, container_id) if below.removesuffix(_PODMANS_OWN) in _ENDS else ()


def is_main_process(victim: OomVictim, record: ContainerRecord | None, rows: tuple[TaskRow, ...]) -> bool | None:
    """
    Whether a victim was its container's main process (under an init: the process that init runs).

    The kernel lists a cgroup's tasks in the order they entered it, so the first row is the process that was started
    first; that serves where nobody asked Docker for the pid in time.
    """
    run = record.run_at(victim.at_ns) if record is not None else None
    main_pid = run.main_pid if run is not None else None
    if main_pid is not None and victim.pid == main_pid:
        return True
    order = list(dict.fromkeys(row.tgid for row in rows))
    if not order:
        has_init = record is not None and record.snapshot is not None and bool(record.snapshot.init)
        return None if main_pid is None or has_init else False
    first = next(row for row in rows if row.tgid == order[0])
    if first.comm in _INIT_NAMES and len(order) >= _ROWS_WITH_INIT:
        return victim.pid in order[:_ROWS_WITH_INIT]
    return victim.pid == (main_pid if main_pid is not None else order[0])

"""
Which container a killed process belonged to, and whose limit it died for.

The kernel's path of the victim's cgroup is proof. Where the kernel dropped it, a pid that was known before it died
tells: the main process from `docker inspect`, the others from the task table of an earlier report.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from collector.correlate.runs import ContainerBook, ContainerRecord
from parsers.cgroup_path import ContainerRef, container_of
from parsers.oom_facts import OomReport, OomVictim, TaskRow
from sinks.event import Confidence, Scope

# The kernel's log has a clock of its own.
_SLACK_NS: Final = 500_000_000
# How long a killed process may take to give back its memory before it is gone.
_DYING_NS: Final = 30_000_000_000
# The kill is printed right after; a slow console holds the printing up.
_MARKED_NS: Final = 2_000_000_000
# A pid that a report listed may be another process's a while later.
_LISTED_NS: Final = 60_000_000_000
_PIDS_KEPT: Final = 32_768
# A log that is read from its beginning tells of processes that had the pids of those that live now.
_REUSES_KEPT: Final = 4
_INIT_NAMES: Final = frozenset({"docker-init", "tini", "dumb-init", "catatonit"})
_ROWS_WITH_INIT: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """
    Where a victim belongs.

    Attributes:
        container_id: None when it was no container's, or nobody knows.
        how: in words, for the evidence; None when the kernel's own path says it.
    """

    container_id: str | None
    runtime: str | None
    confidence: Confidence
    how: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Owner:
    container_id: str
    comm: str | None
    how: str
    confidence: Confidence = Confidence.LIKELY
    from_ns: int | None = None
    until_ns: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        """
        What is learned anew replaces what was known of the same kind.
        """
        return self.container_id, self.how

    def had(self, victim: OomVictim) -> bool:
        """
        Whether a victim can be this process, and no other that had the same pid before or after it.
        """
        return self.comm in (None, victim.comm) and self.lived(victim.at_ns)

    def lived(self, at_ns: int | None) -> bool:
        """
        Whether it had the pid at a moment; one that is not known may be any.
        """
        if at_ns is None:
            return True
        begun = self.from_ns is None or at_ns >= self.from_ns - _SLACK_NS
        return begun and (self.until_ns is None or at_ns <= self.until_ns + _SLACK_NS)


class PidIndex:
    """
    Pids that are known to belong to a container, from before their death; the oldest are forgotten first.
    """

    def __init__(self) -> None:
        self._owners: OrderedDict[int, tuple[_Owner, ...]] = OrderedDict()

    def learn_main(self, container_id: str, pid: int, started_ns: int | None) -> None:
        """
        The main process of a container, from inspect.
        """
        how = "docker inspect named this pid"
        self._learn(pid, _Owner(container_id=container_id, comm=None, how=how, from_ns=started_ns))

    def learn_tasks(self, container_id: str, rows: Iterable[TaskRow], at_ns: int | None) -> None:
        """
        The processes that a report listed in a container's cgroup.
        """
        for row in rows:
            how = "an earlier OOM report listed this pid in the container"
            until_ns = at_ns + _LISTED_NS if at_ns is not None else None
            self._learn(
                row.tgid,
                _Owner(container_id=container_id, comm=row.comm, how=how, from_ns=at_ns, until_ns=until_ns),
            )

    def learn_exited(self, container_id: str, pid: int, at_ns: int) -> None:
        """
        A process that a signal ended, and whose container was known while it lived.
        """
        how = "the process connector had this pid in the container before it died"
        self._learn(
            pid,
            _Owner(
                container_id=container_id,
                comm=None,
                how=how,
                confidence=Confidence.CERTAIN,
                from_ns=at_ns - _DYING_NS,
                until_ns=at_ns,
            ),
        )

    def learn_marked(self, container_id: str, pid: int, at_ns: int) -> None:
        """
        A process that the OOM killer had chosen, and whose container was looked up before it was gone.
        """
        self._learn(
            pid,
            _Owner(
                container_id=container_id,
                comm=None,
                how="the trace showed the victim, and /proc its container while it died",
                confidence=Confidence.CERTAIN,
                from_ns=at_ns,
                until_ns=at_ns + _MARKED_NS,
            ),
        )

    def owner(self, victim: OomVictim, *, surely: bool = False) -> Placement | None:
        """
        Where a victim belongs, by its pid; a name that does not fit is another process with the same pid.

        Args:
            victim: as the kernel's log has it.
            surely: only what was seen until its end counts, as better evidence is on its way.
        """
        had = [owner for owner in reversed(self._owners.get(victim.pid, ())) if owner.had(victim)]
        certain = [owner for owner in had if owner.confidence is Confidence.CERTAIN]
        owner = next(iter(certain or ([] if surely else had)), None)
        if owner is None:
            return None
        return Placement(container_id=owner.container_id, runtime="docker", confidence=owner.confidence, how=owner.how)

    def forget(self, pid: int, at_ns: int | None) -> None:
        """
        A process has died: the next one with its pid is another, and so was the one before.
        """
        others = tuple(owner for owner in self._owners.pop(pid, ()) if not owner.lived(at_ns))
        if others:
            self._owners[pid] = others

    def _learn(self, pid: int, owner: _Owner) -> None:
        others = [other for other in self._owners.get(pid, ()) if other.key != owner.key]
        self._owners[pid] = (*others, owner)[-_REUSES_KEPT:]
        self._owners.move_to_end(pid)
        if len(self._owners) > _PIDS_KEPT:
            self._owners.popitem(last=False)


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
    ref = container_of(path)
    if ref is None:
        return Placement(container_id=None, runtime=None, confidence=Confidence.CERTAIN)
    known = known_reference(ref, book)
    sure = report.task_memcg is not None and not (several and victim is not report.victims[0])
    return Placement(
        container_id=known.id,
        runtime=known.runtime.value,
        confidence=Confidence.CERTAIN if sure else Confidence.LIKELY,
    )


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

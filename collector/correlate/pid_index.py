"""
Pids that are known to belong to a container, from before their death.

A pid is only a number: who had it when is told apart by the time. The kernel's log, the connector and Docker stamp with
clocks of their own, so a moment just outside of a lifetime may be meant; it proves less.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from parsers.oom_facts import OomVictim, TaskRow
from sinks.event import Confidence

# What is left between the clocks of log and connector while the log is followed; no pid is used again so soon.
CLOCKS_NS: Final = 50_000_000
# Where the log is read late, or Docker is slow to stamp a start.
SLACK_NS: Final = 500_000_000
# The kill is printed right after, unless whoever prints it is held up.
_MARKED_NS: Final = 2_000_000_000
# A pid that a report listed may be another process's a while later.
_LISTED_NS: Final = 60_000_000_000
_PIDS_KEPT: Final = 32_768
# A log that is read from its beginning tells of processes that had the pids of those that live now.
_REUSES_KEPT: Final = 16


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
    """
    Who had a pid, and when: None is since ever, or to this day.
    """

    container_id: str
    comm: str | None
    how: str
    confidence: Confidence = Confidence.LIKELY
    from_ns: int | None = None
    until_ns: int | None = None

    @property
    def key(self) -> tuple[str, str, int | None]:
        """
        What is learned anew replaces what was known of the same kind; a life that was seen is one of its own.
        """
        return self.container_id, self.how, self.from_ns if self.confidence is Confidence.CERTAIN else None

    def off_ns(self, at_ns: int | None) -> int:
        """
        How far a moment is outside of its lifetime; one that is not known may be any.
        """
        if at_ns is None:
            return 0
        early_ns = self.from_ns - at_ns if self.from_ns is not None else 0
        late_ns = at_ns - self.until_ns if self.until_ns is not None else 0
        return max(early_ns, late_ns, 0)

    def lived(self, at_ns: int | None) -> bool:
        """
        Whether it had the pid at a moment.
        """
        return self.off_ns(at_ns) <= CLOCKS_NS

    def may_be(self, victim: OomVictim) -> bool:
        """
        Whether a victim can be this process; another name is another process.
        """
        return self.comm in (None, victim.comm) and self.off_ns(victim.at_ns) <= SLACK_NS

    def confidence_for(self, victim: OomVictim) -> Confidence:
        """
        How sure it is, if it is the victim.
        """
        return self.confidence if self.lived(victim.at_ns) else Confidence.LIKELY


class PidIndex:
    """
    Who had a pid; the oldest are forgotten first.
    """

    def __init__(self) -> None:
        self._owners: OrderedDict[int, tuple[_Owner, ...]] = OrderedDict()
        self._killed: OrderedDict[int, tuple[int, ...]] = OrderedDict()

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

    def learn_exited(self, container_id: str, pid: int, started_ns: int, at_ns: int) -> None:
        """
        A process that a signal ended, and whose container was known while it lived.
        """
        self._learn(
            pid,
            _Owner(
                container_id=container_id,
                comm=None,
                how="the process connector had this pid in the container before it died",
                confidence=Confidence.CERTAIN,
                from_ns=started_ns,
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
        Where a victim belongs, by its pid: what is certain goes first, then what fits best, then what was learned last.

        Args:
            victim: as the kernel's log has it.
            surely: only what was seen until its end counts, as better evidence is on its way.
        """
        could = [owner for owner in reversed(self._owners.get(victim.pid, ())) if owner.may_be(victim)]
        certain = [owner for owner in could if owner.confidence_for(victim) is Confidence.CERTAIN]
        owner = min(certain or ([] if surely else could), key=lambda owner: owner.off_ns(victim.at_ns), default=None)
        if owner is None:
            return None
        return Placement(
            container_id=owner.container_id,
            runtime="docker",
            confidence=owner.confidence_for(victim),
            how=owner.how,
        )

    def killed(self, pid: int, at_ns: int | None) -> None:
        """
        A kill was told: what else comes to be known of that process, late, says nothing of the next one with its pid.
        """
        self.forget(pid, at_ns)
        if at_ns is not None:
            self._killed[pid] = (*self._killed.get(pid, ()), at_ns)[-_REUSES_KEPT:]
            self._killed.move_to_end(pid)
            if len(self._killed) > _PIDS_KEPT:
                self._killed.popitem(last=False)

    def forget(self, pid: int, at_ns: int | None) -> None:
        """
        A process has died: the next one with its pid is another, and so was the one before.
        """
        others = tuple(owner for owner in self._owners.pop(pid, ()) if not owner.lived(at_ns))
        if others:
            self._owners[pid] = others

    def _learn(self, pid: int, owner: _Owner) -> None:
        if owner.from_ns is not None and any(owner.lived(killed_ns) for killed_ns in self._killed.get(pid, ())):
            return
        others = [other for other in self._owners.get(pid, ()) if other.key != owner.key]
        self._owners[pid] = (*others, owner)[-_REUSES_KEPT:]
        self._owners.move_to_end(pid)
        if len(self._owners) > _PIDS_KEPT:
            self._owners.popitem(last=False)

"""
Pids that are known to belong to a container, from before their death.

A pid is used again and again: time decides whose it was. The kernel log, the connector and Docker have clocks of
their own, so a time just outside a lifetime may still belong to it; it proves less.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from collector.facts.lru import LruDict
from parsers.oom.facts import OomVictim, TaskRow
from sinks.event import Confidence

# The remaining difference between the clocks of log and connector while the log is followed; no pid is used again so
# soon.
CLOCKS_NS: Final = 50_000_000
# The difference where the log is read late, or Docker is slow to stamp a start.
SLACK_NS: Final = 500_000_000
# The kernel prints a kill right after it marked the victim, unless the printing process is held up.
_MARKED_NS: Final = 2_000_000_000
# A pid that a report listed may belong to another process after this time.
_LISTED_NS: Final = 60_000_000_000
_PIDS_KEPT: Final = 32_768
# Of the kills only the latest: what is learned of a process after its death comes soon after it.
_KILLED_KEPT: Final = 8192
# A log that is read from its beginning describes processes whose pids running processes have now.
_REUSES_KEPT: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """
    The container of a victim.

    Attributes:
        container_id: None when it was in no container, or that is not known.
        how: in words, for the evidence; None when the kernel's own path shows it.
    """

    container_id: str | None
    runtime: str | None
    confidence: Confidence
    how: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Owner:
    """
    A container whose process had a pid, from when until when; None where that end is open.
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
        The key by which newer knowledge replaces older; each lifetime that was seen to its end has its own.
        """
        return self.container_id, self.how, self.from_ns if self.confidence is Confidence.CERTAIN else None

    def off_ns(self, at_ns: int | None) -> int:
        """
        Return how far a time is outside the lifetime; 0 for a time that is not known.
        """
        if at_ns is None:
            return 0
        early_ns = self.from_ns - at_ns if self.from_ns is not None else 0
        late_ns = at_ns - self.until_ns if self.until_ns is not None else 0
        return max(early_ns, late_ns, 0)

    def lived(self, at_ns: int | None) -> bool:
        """
        Return whether it had the pid at this time.
        """
        return self.off_ns(at_ns) <= CLOCKS_NS

    def may_be(self, victim: OomVictim) -> bool:
        """
        Return whether a victim can be this process; a process with another name cannot.
        """
        return self.comm in (None, victim.comm) and self.off_ns(victim.at_ns) <= SLACK_NS

    def confidence_for(self, victim: OomVictim) -> Confidence:
        """
        Return how well it is supported that the victim is this process.
        """
        return self.confidence if self.lived(victim.at_ns) else Confidence.LIKELY


class PidIndex:
    """
    Which container had a pid when; the oldest pids are forgotten first.

    Attributes:
        revision: changes with everything that can change the owner of a pid.
    """

    def __init__(self) -> None:
        self.revision = 0
        self._owners: LruDict[int, tuple[_Owner, ...]] = LruDict(_PIDS_KEPT)
        self._killed: LruDict[int, tuple[int, ...]] = LruDict(_KILLED_KEPT)

    def learn_main(self, container_id: str, pid: int, started_ns: int | None) -> None:
        """
        Learn the main process of a container, from `docker inspect`.
        """
        how = "docker inspect named this pid"
        self._learn(pid, _Owner(container_id=container_id, comm=None, how=how, from_ns=started_ns))

    def learn_tasks(self, container_id: str, rows: Iterable[TaskRow], at_ns: int | None) -> None:
        """
        Learn the processes that a report listed in a container's cgroup.
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
        Learn a process that SIGKILL ended and whose container was known while it ran.
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
        Learn a process that the OOM killer had chosen and whose container was looked up before it was gone.
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

    def owner(self, victim: OomVictim, *, certain_only: bool = False) -> Attribution | None:
        """
        Attribute a victim by its pid: certain owners first, then the best fit in time, then the one learned last.

        Args:
            victim: as the kernel log names it.
            certain_only: count only owners that were seen to their end, as better evidence is on its way.
        """
        could = [owner for owner in reversed(self._owners.get(victim.pid, ())) if owner.may_be(victim)]
        certain = [owner for owner in could if owner.confidence_for(victim) is Confidence.CERTAIN]
        owner = min(
            certain or ([] if certain_only else could), key=lambda owner: owner.off_ns(victim.at_ns), default=None
        )
        if owner is None:
            return None
        return Attribution(
            container_id=owner.container_id,
            runtime="docker",
            confidence=owner.confidence_for(victim),
            how=owner.how,
        )

    def killed(self, pid: int, at_ns: int | None) -> None:
        """
        Note a kill: what is learned of that process later must not attribute the next process with its pid.
        """
        self.forget(pid, at_ns)
        if at_ns is not None:
            self._killed[pid] = (*self._killed.get(pid, ()), at_ns)[-_REUSES_KEPT:]

    def forget(self, pid: int, at_ns: int | None) -> None:
        """
        Forget a process that has died: the next process with its pid is another.
        """
        self.revision += 1
        others = tuple(owner for owner in self._owners.pop(pid, ()) if not owner.lived(at_ns))
        if others:
            self._owners[pid] = others

    def _learn(self, pid: int, owner: _Owner) -> None:
        if owner.from_ns is not None and any(owner.lived(killed_ns) for killed_ns in self._killed.get(pid, ())):
            return
        self.revision += 1
        others = [other for other in self._owners.get(pid, ()) if other.key != owner.key]
        self._owners[pid] = (*others, owner)[-_REUSES_KEPT:]

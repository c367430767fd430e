"""
Kills by OOM killers of user space: systemd-oomd, earlyoom, oomd. The kernel knows nothing of them.

systemd-oomd tells the cgroup and PID 1 repeats it for the unit: one kill comes out.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from collector.correlate.attribution import known_reference
from collector.correlate.book import ContainerBook
from collector.correlate.pid_index import PidIndex
from collector.correlate.runs import KillInRun
from collector.correlate.wording import shown
from parsers.cgroup_path import ContainerRef
from parsers.killers import (
    EarlyoomKill,
    KillerFact,
    OomdKill,
    SystemdOomdKill,
    UnitOomdKilled,
    UnitOomKilled,
)
from parsers.oom_facts import OomVictim
from sinks.event import EvidenceSource, Killer, Scope

_SAME_KILL_NS: Final = 10_000_000_000
_SEEN_KEPT: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSpaceKill:
    """
    One kill by a user-space OOM killer.

    Attributes:
        cgroup: what was killed as a whole; None where one process was.
        main_process: True also where the whole container was killed.
    """

    killer: Killer
    at_ns: int | None
    text: str
    container_id: str | None
    cgroup: str | None = None
    pid: int | None = None
    comm: str | None = None
    uid: int | None = None
    main_process: bool | None = None

    def sentence(self, container_name: str) -> str:
        """
        The sentence of the event.
        """
        where = f" of container {container_name}" if self.container_id is not None else ""
        if self.pid is not None:
            who = f'"{shown(self.comm)}" (pid {self.pid}){where}'
            return f"{self.killer.value} killed {who} because the host ran short of memory."
        what = f"container {container_name}" if self.container_id is not None else self.cgroup
        return f"{self.killer.value} killed {what} because the host ran short of memory."

    def in_run(self, event_id: str) -> KillInRun:
        """
        What the run keeps of it.
        """
        return KillInRun(
            event_id=event_id,
            at_ns=self.at_ns or 0,
            pid=self.pid or 0,
            comm=self.comm,
            main_process=self.main_process,
            killer=self.killer,
            scope=Scope.HOST,
            limit_bytes=None,
            source=EvidenceSource.JOURNALD,
            text=self.text,
        )


class UserKills:
    """
    The user-space killers of one host.

    Args:
        book: the containers; read only.
        pids: pids known before their death.
    """

    def __init__(self, book: ContainerBook, pids: PidIndex) -> None:
        self._book = book
        self._pids = pids
        self._seen: OrderedDict[tuple[Killer, str], int] = OrderedDict()

    def feed(self, fact: KillerFact) -> list[UserSpaceKill]:
        """
        Take a fact; gives at most one kill.
        """
        kill = self._kill(fact)
        if kill is None or self._was_seen(kill):
            return []
        return [kill]

    def _kill(self, fact: KillerFact) -> UserSpaceKill | None:
        match fact:
            case EarlyoomKill():
                return self._of_process(fact)
            case SystemdOomdKill():
                return self._of_cgroup(Killer.SYSTEMD_OOMD, fact.at_ns, fact.text, fact.cgroup, fact.container)
            case UnitOomdKilled():
                return self._of_cgroup(Killer.SYSTEMD_OOMD, fact.at_ns, fact.text, fact.unit, fact.container)
            case OomdKill():
                return self._of_cgroup(Killer.OOMD, fact.at_ns, fact.text, fact.cgroup, fact.container)
            case UnitOomKilled():
                return None  # the kernel's kill, seen by systemd: claims.py

    def _of_process(self, fact: EarlyoomKill) -> UserSpaceKill:
        victim = OomVictim(pid=fact.pid, comm=fact.comm, confirmed=True, at_ns=fact.at_ns)
        placement = self._pids.owner(victim)
        container_id = placement.container_id if placement is not None else None
        record = self._book.get(container_id) if container_id is not None else None
        run = record.run_at(fact.at_ns) if record is not None else None
        return UserSpaceKill(
            killer=Killer.EARLYOOM,
            at_ns=fact.at_ns,
            text=fact.text,
            container_id=container_id,
            pid=fact.pid,
            comm=fact.comm,
            uid=fact.uid,
            main_process=None if run is None or run.main_pid is None else run.main_pid == fact.pid,
        )

    def _of_cgroup(
        self, killer: Killer, at_ns: int | None, text: str, cgroup: str, container: ContainerRef | None
    ) -> UserSpaceKill:
        return UserSpaceKill(
            killer=killer,
            at_ns=at_ns,
            text=text,
            container_id=known_reference(container, self._book).id if container is not None else None,
            cgroup=cgroup,
            main_process=True if container is not None else None,
        )

    def _was_seen(self, kill: UserSpaceKill) -> bool:
        key = (kill.killer, kill.container_id or str(kill.pid or kill.cgroup))
        before_ns = self._seen.get(key)
        at_ns = kill.at_ns or 0
        self._seen[key] = at_ns
        if len(self._seen) > _SEEN_KEPT:
            self._seen.popitem(last=False)
        return before_ns is not None and abs(at_ns - before_ns) < _SAME_KILL_NS

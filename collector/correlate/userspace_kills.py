"""
Kills by the OOM killers of userspace: systemd-oomd, earlyoom, nohang, oomd, Talos. The kernel does not report them.

systemd-oomd names the cgroup that it killed, and PID 1 repeats it for the unit: both make one finding. A program's word
alone makes it likely, if journald vouches for the program; it is certain once the kernel has seen the victim end by a
signal, and Docker knows the container.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, assert_never

from collector.correlate.findings import UserspaceKill
from collector.correlate.inventory import ContainerInventory
from collector.correlate.pid_index import PidIndex
from collector.correlate.pid_observations import PidObservations, evidence_of
from collector.correlate.references import known_reference
from collector.facts.lru import LruDict
from collector.facts.observed import ProcessExitedFact
from parsers.killers import (
    EarlyoomKill,
    NohangKill,
    OomdKill,
    SystemdOomdKill,
    TalosKill,
    UnitOomdKilled,
    UserspaceKillFact,
)
from parsers.oom.facts import OomVictim
from sinks.event import Confidence, Host, Killer
from sinks.event.ids import kill_id

# Reports of one kill that follow each other: systemd-oomd's and PID 1's, earlyoom's SIGTERM and SIGKILL.
_SAME_KILL_NS: Final = 10_000_000_000
_SEEN_KEPT: Final = 1024
# A process ends this soon after SIGKILL, or SIGTERM; journald may stamp the sentence after the end.
_ENDS_WITHIN_NS: Final = 10_000_000_000
_FATAL: Final = frozenset({9, 15})


class UserspaceKills:
    """
    The kills of one host by userspace OOM killers, each once.

    Args:
        host: where; part of the kills' ids.
        inventory: the containers; read only.
        pids: pids known before their death.
        observations: how processes ended; read only.
    """

    def __init__(
        self, host: Host, inventory: ContainerInventory, pids: PidIndex, observations: PidObservations
    ) -> None:
        self._host = host
        self._inventory = inventory
        self._pids = pids
        self._observations = observations
        self._seen: LruDict[tuple[Killer, str], int] = LruDict(_SEEN_KEPT)

    def feed(self, fact: UserspaceKillFact) -> list[UserspaceKill]:
        """
        Take a kill; return it as a finding, or nothing when it has been reported before.
        """
        match fact:
            case EarlyoomKill():
                kill = self._of_process(Killer.EARLYOOM, fact, fact.uid)
            case NohangKill():
                kill = self._of_process(Killer.NOHANG, fact, None)
            case SystemdOomdKill():
                kill = self._of_cgroup(Killer.SYSTEMD_OOMD, fact, fact.cgroup)
            case UnitOomdKilled():
                kill = self._of_cgroup(Killer.SYSTEMD_OOMD, fact, fact.unit)
            case OomdKill():
                kill = self._of_cgroup(Killer.OOMD, fact, fact.cgroup)
            case TalosKill():
                kill = self._of_cgroup(Killer.TALOS, fact, fact.cgroup)
            case _:
                assert_never(fact)
        return [] if self._was_seen(kill) else [self._with_witnesses(kill)]

    def _of_process(self, killer: Killer, fact: EarlyoomKill | NohangKill, uid: int | None) -> UserspaceKill:
        victim = OomVictim(pid=fact.pid, comm=fact.comm, confirmed=True, at_ns=fact.at_ns)
        attribution = self._pids.owner(victim)
        container_id = attribution.container_id if attribution is not None else None
        record = self._inventory.get(container_id) if container_id is not None else None
        run = record.run_at(fact.at_ns) if record is not None else None
        return UserspaceKill(
            id=self._id(fact, fact.pid),
            killer=killer,
            at_ns=fact.at_ns,
            text=fact.text,
            container_id=container_id,
            record=record,
            pid=fact.pid,
            comm=fact.comm,
            uid=uid,
            signal=fact.signal,
            main_process=None if run is None or run.main_pid is None else run.main_pid == fact.pid,
            author=fact.author,
        )

    def _of_cgroup(
        self, killer: Killer, fact: SystemdOomdKill | UnitOomdKilled | OomdKill | TalosKill, cgroup: str
    ) -> UserspaceKill:
        container = known_reference(fact.container, self._inventory, fact.author.within)
        container_id = container.id if container is not None else None
        below = container is not None and container.cgroup not in (None, f"/{cgroup.strip('/')}")
        return UserspaceKill(
            id=self._id(fact, cgroup),
            killer=killer,
            at_ns=fact.at_ns,
            text=fact.text,
            container_id=container_id,
            record=self._inventory.get(container_id) if container_id is not None else None,
            cgroup=cgroup,
            main_process=True if container is not None and not below else None,
            author=fact.author,
        )

    def _with_witnesses(self, kill: UserspaceKill) -> UserspaceKill:
        """
        Return a kill with its confidence: what one program says is never certain by itself.
        """
        ends = self._ends(kill)
        confidence = Confidence.CERTAIN if ends and kill.record is not None else Confidence.LIKELY
        return replace(
            kill,
            confidence=confidence if kill.author.doubt is None else Confidence.POSSIBLE,
            observations=tuple(evidence for end in ends if (evidence := evidence_of(end)) is not None),
        )

    def _ends(self, kill: UserspaceKill) -> tuple[ProcessExitedFact, ...]:
        """
        Return an end by a signal that the kernel saw at the time of a kill: of the process, or one in the cgroup.
        """
        ends: Iterable[ProcessExitedFact] = ()
        if kill.pid is not None:
            ends = self._observations.ends(kill.pid)
        elif kill.container_id is not None:
            ends = self._inventory.exits_of(kill.container_id)
        return tuple(end for end in ends if _is_witness(end, kill.at_ns))[:1]

    def _id(self, fact: UserspaceKillFact, victim: int | str) -> str:
        boot_id = self._host.boot.id if self._host.boot is not None else None
        moment = fact.text if fact.at_ns is None else fact.at_ns // 1000
        return kill_id(self._host.id, boot_id, moment, victim or "?")

    def _was_seen(self, kill: UserspaceKill) -> bool:
        # systemd-oomd names the path of a cgroup, PID 1 the unit.
        unit = (kill.cgroup or "").rpartition("/")[2]
        key = (kill.killer, kill.container_id or str(kill.pid or unit))
        before_ns = self._seen.get(key)
        at_ns = kill.at_ns or 0
        self._seen[key] = at_ns
        return before_ns is not None and abs(at_ns - before_ns) < _SAME_KILL_NS


def _is_witness(end: ProcessExitedFact, at_ns: int | None) -> bool:
    by_signal = end.status is not None and end.status.signal in _FATAL
    return by_signal and at_ns is not None and abs(end.at_ns - at_ns) <= _ENDS_WITHIN_NS

"""
What is kept of a kill: in the run that lost a process, and for the comparison with kernel counters.
"""

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from collector.correlate.findings import (
    AttributedVictim,
    CounterOnlyKill,
    Finding,
    KernelKill,
    PublishedKill,
    UserspaceKill,
)
from collector.correlate.inventory import ContainerInventory
from collector.correlate.kill_in_run import KillInRun
from collector.correlate.pending_deaths import PendingDeaths
from collector.correlate.reconciliation import Reconciler
from collector.facts.restored import RestoredKillFact
from parsers.killers import Author
from parsers.oom.facts import LimitKind
from sinks.event import EvidenceSource, Killer, Scope

_COUNTER_ONLY_KEPT: Final = 256
# As for the comparison with counters (reconciliation.py).
_SLACK_NS: Final = 1_000_000_000


def kernel_kill_in_run(kill: KernelKill, attributed: AttributedVictim) -> KillInRun:
    """
    Return what the run of a victim keeps of its kill.
    """
    return KillInRun(
        event_id=kill.id,
        at_ns=attributed.victim.at_ns,
        pid=attributed.victim.pid,
        comm=attributed.victim.comm,
        main_process=attributed.main_process,
        killer=Killer.KERNEL,
        scope=kill.scope,
        limit_bytes=kill.limit_bytes,
        limit_kind=_limit_kind(kill),
        source=kill.source,
        text=attributed.victim.text,
        process_pid=kill.report.process_of(attributed.victim),
    )


def _limit_kind(kill: KernelKill) -> str:
    reached = kill.report.limit_reached
    return (reached[0] if reached is not None and kill.limit_bytes is not None else LimitKind.MEMORY).value


def userspace_kill_in_run(kill: UserspaceKill) -> KillInRun:
    """
    Return what a run keeps of a kill by a userspace OOM killer.
    """
    return KillInRun(
        event_id=kill.id,
        at_ns=kill.at_ns or 0,
        pid=kill.pid or 0,
        comm=kill.comm,
        main_process=kill.main_process,
        killer=kill.killer,
        scope=Scope.HOST,
        limit_bytes=None,
        source=EvidenceSource.JOURNALD,
        text=kill.text,
        signal=kill.signal,
        author=kill.author,
    )


def restored_kill_in_run(fact: RestoredKillFact) -> KillInRun:
    """
    Return what a run keeps of a kill that was published before the agent was restarted.
    """
    return KillInRun(
        event_id=fact.event_id,
        at_ns=fact.at_ns,
        pid=fact.pid,
        comm=fact.comm,
        main_process=fact.main_process,
        killer=fact.killer,
        scope=fact.scope,
        limit_bytes=fact.limit_bytes,
        source=EvidenceSource.KMSG,
        text=fact.text,
        author=_restored_author(fact),
    )


def _restored_author(fact: RestoredKillFact) -> Author | None:
    if fact.killer is Killer.KERNEL:
        return None
    doubt = None if fact.vouched_for else "This kill was published as possible before the agent was restarted."
    return Author(name=fact.killer.value, doubt=doubt)


def counted_kills(kill: KernelKill) -> list[PublishedKill]:
    """
    Return what the kernel counts for a kill, container by container; of a group it counts the first victim twice.
    """
    first = kill.victims[0]
    if first.victim.at_ns is None:
        return []
    pids: defaultdict[str | None, list[int]] = defaultdict(list)
    for attributed in kill.victims:
        pids[attributed.attribution.container_id].append(attributed.victim.pid)
    twice = first.attribution.container_id if kill.report.group else ""
    return [
        PublishedKill(
            event_id=kill.id,
            container_id=container_id,
            at_ns=first.victim.at_ns,
            pids=frozenset(victims),
            kills=len(victims) + (container_id == twice),
            text=first.victim.text,
        )
        for container_id, victims in pids.items()
    ]


class KillRecords:
    """
    Records the kills among findings, for the deaths and the counts that they explain.

    Args:
        inventory: keeps the kills of each container.
        pending: judges the runs again that have lost a process.
        reconciler: compares published kills with counters.
    """

    def __init__(self, inventory: ContainerInventory, pending: PendingDeaths, reconciler: Reconciler) -> None:
        self._inventory = inventory
        self._pending = pending
        self._reconciler = reconciler
        self._counter_only: deque[CounterOnlyKill] = deque(maxlen=_COUNTER_ONLY_KEPT)

    def record(self, findings: Iterable[Finding]) -> list[Finding]:
        """
        Record the kills among findings; return all findings, a late log line related to the count that it explains.
        """
        recorded = [self._related(finding) for finding in findings]
        for finding in recorded:
            if isinstance(finding, KernelKill):
                self._reconciler.note_published(counted_kills(finding))
                for attributed in finding.victims:
                    self.keep(attributed.attribution.container_id, kernel_kill_in_run(finding, attributed))
            elif isinstance(finding, UserspaceKill):
                self.keep(finding.container_id, userspace_kill_in_run(finding))
        return recorded

    def _related(self, finding: Finding) -> Finding:
        if isinstance(finding, CounterOnlyKill):
            self._counter_only.append(finding)
        if not isinstance(finding, KernelKill):
            return finding
        published = next((kill for kill in self._counter_only if _is_same(kill, finding)), None)
        return finding if published is None else replace(finding, supersedes=published.id)

    def keep(self, container_id: str | None, kill: KillInRun) -> None:
        """
        Keep a kill with its container, if that is known.
        """
        if container_id is not None:
            self._inventory.keep_kill(container_id, kill)
            self._pending.container_changed(container_id)


def _is_same(counted: CounterOnlyKill, kill: KernelKill) -> bool:
    """
    Return whether a log line describes a kill that a counter has shown: its time, and its pid or container.
    """
    first = kill.victims[0]
    at_ns = first.victim.at_ns
    if at_ns is None or not counted.count.from_ns - _SLACK_NS <= at_ns <= counted.count.to_ns + _SLACK_NS:
        return False
    pids = {victim.pid for victim in counted.victims}
    return first.victim.pid in pids if pids else first.attribution.container_id == counted.container_id

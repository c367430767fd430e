"""
Find the kill behind a count that no log line explains.

The trace of the OOM killer's choices names the victims; without it the ends of processes do, if as many were killed as
were counted. Where neither fits, no victim is named.
"""

from collections.abc import Sequence

from collector.correlate.container_record import ContainerRecord
from collector.correlate.findings import CounterOnlyKill, UnexplainedCount
from collector.correlate.inventory import ContainerInventory
from collector.correlate.pid_observations import PidObservations, evidence_of
from collector.correlate.references import known_reference
from collector.facts.observed import ProcessExitedFact, VictimMarkedFact
from sinks.event import Confidence, Host, Victim
from sinks.event.ids import kill_id


def counter_only_kill(
    found: UnexplainedCount, observations: PidObservations, inventory: ContainerInventory, host: Host
) -> CounterOnlyKill | None:
    """
    Return the kill behind an unexplained count; None where it may have been in more than one container.

    Args:
        found: the count.
        observations: what was seen of processes.
        inventory: the containers.
        host: where; part of the kill's id.
    """
    container_id, facts, confidence = _victims_of(found, observations, inventory)
    if container_id is None:
        if found.container_id is None or found.unplaced:
            return None
        container_id = found.container_id
    record = inventory.get(container_id)
    boot_id = host.boot.id if host.boot is not None else None
    at_ns = min((fact.at_ns for fact in facts), default=found.to_ns)
    return CounterOnlyKill(
        id=kill_id(host.id, boot_id, at_ns // 1000, facts[0].pid if facts else container_id),
        count=found,
        container_id=container_id,
        record=record,
        victims=tuple(_victim(fact, container_id, record) for fact in facts),
        at_ns=at_ns,
        confidence=confidence,
        evidence=tuple(evidence for fact in facts if (evidence := evidence_of(fact)) is not None),
    )


def _victims_of(
    found: UnexplainedCount, observations: PidObservations, inventory: ContainerInventory
) -> tuple[str | None, Sequence[VictimMarkedFact | ProcessExitedFact], Confidence]:
    """
    Find the victims of a count and their one container; no container where none or several fit.
    """
    seen = [
        fact for fact in observations.killed_between(found.from_ns, found.to_ns) if fact.pid not in found.published_pids
    ]
    homes = {
        fact.pid: container.id for fact in seen if (container := known_reference(fact.container, inventory)) is not None
    }
    here = [fact for fact in seen if fact.pid in homes and found.container_id in (None, homes[fact.pid])]
    marked = [fact for fact in here if isinstance(fact, VictimMarkedFact)]
    ended = [fact for fact in here if isinstance(fact, ProcessExitedFact)]
    for candidates, confidence in ((marked, Confidence.LIKELY), (ended, Confidence.POSSIBLE)):
        containers = {homes[fact.pid] for fact in candidates}
        if len(candidates) == found.count and len(containers) == 1:
            return containers.pop(), candidates, confidence
    return None, (), Confidence.POSSIBLE


def _victim(fact: VictimMarkedFact | ProcessExitedFact, container_id: str, record: ContainerRecord | None) -> Victim:
    run = record.run if record is not None else None
    main = run.main_pid == fact.pid if run is not None and run.main_pid is not None else None
    return Victim(pid=fact.pid, name=fact.comm, container_id=container_id, main_process=main)

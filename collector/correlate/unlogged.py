"""
Kills that the kernel counted and no log tells of: whom they may have hit, as far as others saw them die.

The trace of the OOM killer's choices names them; else the ends of processes do, if as many were killed as were counted.
Where neither fits, nobody is named.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from collector.correlate.attribution import known_reference
from collector.correlate.book import ContainerBook
from collector.correlate.counted import Unexplained
from collector.correlate.facts import ProcessExited, VictimSeen
from collector.correlate.runs import ContainerRecord
from collector.correlate.witnesses import Witnesses, evidence_of
from sinks.event import Confidence, Evidence, Victim


@dataclass(frozen=True, slots=True, kw_only=True)
class UnloggedKill:
    """
    Kills between two looks.

    Attributes:
        victims: all of them, or none.
        at_ns: of the first victim's end, else of the look that counted it.
    """

    found: Unexplained
    container_id: str
    victims: tuple[Victim, ...]
    at_ns: int
    confidence: Confidence
    evidence: tuple[Evidence, ...]


def unlogged_kill(found: Unexplained, witnesses: Witnesses, book: ContainerBook) -> UnloggedKill | None:
    """
    The kill behind a count; None where more than one container can be meant.

    Args:
        found: the count.
        witnesses: what was seen of processes.
        book: the containers.
    """
    seen = [fact for fact in witnesses.killed_between(found.from_ns, found.to_ns) if fact.pid not in found.told_pids]
    homes = {fact.pid: known_reference(fact.container, book).id for fact in seen if fact.container is not None}
    here = [fact for fact in seen if fact.pid in homes and found.container_id in (None, homes[fact.pid])]
    marked = [fact for fact in here if isinstance(fact, VictimSeen)]
    ended = [fact for fact in here if isinstance(fact, ProcessExited)]
    for candidates, confidence in ((marked, Confidence.LIKELY), (ended, Confidence.POSSIBLE)):
        containers = {homes[fact.pid] for fact in candidates}
        if len(candidates) == found.count and len(containers) == 1:
            return _kill_of(found, candidates, confidence, book.get(*containers), *containers)
    if found.container_id is None or found.unplaced:
        return None
    return UnloggedKill(
        found=found,
        container_id=found.container_id,
        victims=(),
        at_ns=found.to_ns,
        confidence=Confidence.POSSIBLE,
        evidence=(),
    )


def _kill_of(
    found: Unexplained,
    facts: Sequence[VictimSeen | ProcessExited],
    confidence: Confidence,
    record: ContainerRecord | None,
    container_id: str,
) -> UnloggedKill:
    evidence = [evidence_of(fact) for fact in facts]
    return UnloggedKill(
        found=found,
        container_id=container_id,
        victims=tuple(_victim(fact, container_id, record) for fact in facts),
        at_ns=min(fact.at_ns for fact in facts),
        confidence=confidence,
        evidence=tuple(one for one in evidence if one is not None),
    )


def _victim(fact: VictimSeen | ProcessExited, container_id: str, record: ContainerRecord | None) -> Victim:
    run = record.run if record is not None else None
    main = run.main_pid == fact.pid if run is not None and run.main_pid is not None else None
    return Victim(pid=fact.pid, name=fact.comm, container_id=container_id, main_process=main)

"""
The ends of runs whose deaths were published before the agent was restarted; the same ends may be read again.

The start of a run does not show that its death was published: the agent may have had only Docker's `start` event then,
and State.StartedAt now. The stamps of an end are the same whenever they are read.
"""

from typing import Final

from collector.correlate.runs import Run
from collector.facts.restored import RestoredDeathFact

_NS_PER_US: Final = 1000


class PublishedEnds:
    """
    The stamps of published ends, by container.
    """

    def __init__(self) -> None:
        self._stamps_us: dict[str, set[int]] = {}

    def add(self, fact: RestoredDeathFact) -> None:
        """
        Note a published death.
        """
        self._stamps_us.setdefault(fact.container_id, set()).update(fact.ended_us)

    def includes(self, run: Run) -> bool:
        """
        Return whether the death of a run that has ended was published.
        """
        finished_ns = run.after.finished_at_ns if run.after is not None else None
        stamps_us = {stamp_ns // _NS_PER_US for stamp_ns in (run.die_event_ns, finished_ns) if stamp_ns is not None}
        return not stamps_us.isdisjoint(self._stamps_us.get(run.container_id, ()))

    def knows(self, container_id: str) -> bool:
        """
        Return whether a death of a container was published.
        """
        return container_id in self._stamps_us

    def last_ns(self, container_id: str, *, before_ns: int) -> int:
        """
        Return when the last published run of a container before a time had ended, wall clock; 0 if none is known.
        """
        stamps_ns = (stamp_us * _NS_PER_US for stamp_us in self._stamps_us.get(container_id, ()))
        return max((stamp_ns for stamp_ns in stamps_ns if stamp_ns < before_ns), default=0)

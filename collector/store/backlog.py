"""
What is pending for each sink, in memory: how many events, and the events themselves while all of them are new.

A sink that keeps up gets each event as it was stored, without a read of the database. Once an attempt fails, or another
program changes the database, the events are read from there until nothing is pending.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from collector.store.records import PendingEvent, StoredEvent
from sinks.base import Outgoing

# A sink with more pending events does not keep up.
_KEPT: Final = 200
_KEPT_BYTES: Final = 2 << 20


class Backlog:
    """
    The pending events of all sinks. It is changed in the store's thread, after each transaction, and read in any.

    Args:
        depths: how many events are pending per sink.
    """

    def __init__(self, depths: Mapping[str, int]) -> None:
        self._depths = Counter(depths)
        # Of a sink without an entry nothing is known but the depth.
        self._new: dict[str, dict[str, PendingEvent]] = {}

    def depth(self, sink: str) -> int:
        """
        Return the number of events that are pending for a sink.
        """
        return self._depths[sink]

    def total_depth(self) -> int:
        """
        Return the number of pending deliveries to all sinks together.
        """
        return self._depths.total()

    def depths(self) -> Mapping[str, int]:
        """
        Return the number of events that are pending, per sink.
        """
        return self._depths

    def sinks(self) -> frozenset[str]:
        """
        Return the sinks with pending events.
        """
        return frozenset(sink for sink, count in self._depths.items() if count)

    def pending(self, sink: str, limit: int) -> list[PendingEvent] | None:
        """
        Return the first pending events of a sink, all of which may be sent now; None if the database must be asked.
        """
        if not self._depths[sink]:
            return []
        new = list(self._new.get(sink, {}).values())
        return new[:limit] if len(new) == self._depths[sink] else None

    def add(self, events: Iterable[StoredEvent]) -> None:
        """
        Add events that were stored.
        """
        for event in events:
            pending = PendingEvent(outgoing=_outgoing(event), attempts=0)
            for sink in event.sinks:
                if not self._depths[sink]:
                    self._new[sink] = {}
                if sink in self._new:
                    self._new[sink][event.id] = pending
                self._depths[sink] += 1
        for sink in list(self._new):
            if not self._fits(sink):
                self.forget(sink)

    def remove(self, sink: str, ids: Collection[str], count: int) -> None:
        """
        Remove events, of which so many were pending.
        """
        self._depths[sink] -= count
        for id_ in ids:
            self._new.get(sink, {}).pop(id_, None)

    def lose(self, counts: Mapping[str, int]) -> None:
        """
        Take away events of which only the number per sink is known.
        """
        self._depths.subtract(counts)
        for sink, count in counts.items():
            if count:
                self.forget(sink)

    def forget(self, sink: str) -> None:
        """
        Have the pending events of a sink read from the database.
        """
        self._new.pop(sink, None)

    def _fits(self, sink: str) -> bool:
        new = self._new[sink].values()
        return len(new) <= _KEPT and sum(len(event.outgoing.body) for event in new) <= _KEPT_BYTES


def _outgoing(event: StoredEvent) -> Outgoing:
    group = event.group if event.group is not None else f"{event.type} {event.key}"
    return Outgoing(id=event.id, type=event.type, key=event.key, body=event.body, group=group)

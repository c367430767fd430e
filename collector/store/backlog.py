"""
What is pending for each sink, in memory: how many events, and the events themselves while all of them are new.

A sink that keeps up gets each event as it was stored, without a read of the database, and its deliveries are written
with the next transaction. Once an attempt fails, or another program changes the database, the events are read from
there until nothing is pending.
"""

import threading
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
    The pending events of all sinks. The store's thread and the event loop use it at the same time.

    Args:
        depths: how many events are pending per sink.
    """

    def __init__(self, depths: Mapping[str, int]) -> None:
        self._lock = threading.Lock()
        self._depths = Counter(depths)
        # Of a sink without an entry nothing is known but the depth.
        self._new: dict[str, dict[str, PendingEvent]] = {}
        # The deliveries that no transaction has written yet: ids by sink.
        self._noted: dict[str, list[str]] = {}

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
        with self._lock:
            if not self._depths[sink]:
                return []
            new = list(self._new.get(sink, {}).values())
            return new[:limit] if len(new) == self._depths[sink] else None

    def add(self, events: Iterable[StoredEvent]) -> None:
        """
        Add events that were stored, or are about to be.
        """
        with self._lock:
            for event in events:
                self._add(event)
            for sink in list(self._new):
                if not self._fits(sink):
                    del self._new[sink]

    def retract(self, events: Iterable[StoredEvent]) -> None:
        """
        Take back events that could not be stored.
        """
        with self._lock:
            for event in events:
                for sink in event.sinks:
                    self._new.get(sink, {}).pop(event.id, None)
                    self._depths[sink] -= event.id not in self._noted.get(sink, ())

    def note(self, sink: str, ids: Collection[str]) -> bool:
        """
        Note deliveries that the next transaction is to write. Return False if they must be written at once, because
        the database knows more about the sink's events than is known here.
        """
        with self._lock:
            new = self._new.get(sink, {})
            if len(new) != self._depths[sink] or not new.keys() >= set(ids):
                return False
            for id_ in ids:
                del new[id_]
            self._depths[sink] -= len(ids)
            self._noted.setdefault(sink, []).extend(ids)
            return True

    @property
    def has_noted(self) -> bool:
        """
        Whether deliveries were noted that no transaction has written yet.
        """
        return bool(self._noted)

    def noted_ids(self, sink: str) -> frozenset[str]:
        """
        Return the ids of the deliveries to a sink that were noted, and that no transaction has written yet.
        """
        with self._lock:
            return frozenset(self._noted.get(sink, ()))

    def take_noted(self) -> dict[str, list[str]]:
        """
        Return the deliveries that were noted, by sink, to be written now.
        """
        with self._lock:
            noted, self._noted = self._noted, {}
            return noted

    def return_noted(self, noted: Mapping[str, list[str]]) -> None:
        """
        Give deliveries back that could not be written.
        """
        with self._lock:
            for sink, ids in noted.items():
                self._noted[sink] = ids + self._noted.get(sink, [])

    def remove(self, sink: str, ids: Collection[str], count: int) -> None:
        """
        Remove events, of which so many were pending.
        """
        with self._lock:
            self._depths[sink] -= count
            for id_ in ids:
                self._new.get(sink, {}).pop(id_, None)

    def lose(self, counts: Mapping[str, int]) -> None:
        """
        Take away events of which only the number per sink is known.
        """
        with self._lock:
            self._depths.subtract(counts)
            for sink, count in counts.items():
                if count:
                    self._new.pop(sink, None)

    def forget(self, sink: str) -> None:
        """
        Have the pending events of a sink read from the database.
        """
        with self._lock:
            self._new.pop(sink, None)

    def reset(self, depths: Mapping[str, int]) -> None:
        """
        Begin anew with what the database says, because another program has changed it.
        """
        with self._lock:
            self._depths, self._new = Counter(depths), {}
            self._depths.subtract({sink: len(ids) for sink, ids in self._noted.items()})

    def _add(self, event: StoredEvent) -> None:
        pending = PendingEvent(outgoing=_outgoing(event), attempts=0)
        for sink in event.sinks:
            if not self._depths[sink]:
                self._new[sink] = {}
            if sink in self._new:
                self._new[sink][event.id] = pending
            self._depths[sink] += 1

    def _fits(self, sink: str) -> bool:
        new = self._new[sink].values()
        return len(new) <= _KEPT and sum(len(event.outgoing.body) for event in new) <= _KEPT_BYTES


def _outgoing(event: StoredEvent) -> Outgoing:
    group = event.group if event.group is not None else f"{event.type} {event.key}"
    return Outgoing(id=event.id, type=event.type, key=event.key, body=event.body, group=group)

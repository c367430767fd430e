"""
Feeds a detector in the order of time, so that the incidents do not depend on how the partitions of a topic interleave.

Events wait until their time has come in every partition. What a timeline needs to go on after a failure is a snapshot
of the detector and the events since then: the detector takes those again, and finds the same incidents. So that an
event counts once, it also needs the names of the events in former snapshots.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, Final

import orjson

from fleet.incidents.detector import Detector
from fleet.incidents.incident import Incident

# A snapshot is written after so many events; one for each would cost more than the events themselves.
_SNAPSHOT_EVENTS: Final = 2000
_NS_PER_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """
    When an event is taken, and which: the order of the timeline.

    Attributes:
        at_ms: milliseconds since 1970.
        name: of the event; orders events of the same millisecond.
    """

    at_ms: int
    name: str


class Timeline:
    """
    A detector, and the events that it has not taken yet.

    Args:
        snapshot: what `snapshot` returned last, if anything.
        events: all events that were added since then and are not in it.
        taken_ms: what the attribute was; 0 if nothing has been taken.
        names: of the events in former snapshots, by the time at which the snapshot was taken.
        remember_ms: for how long the name of an event is known.

    Attributes:
        taken_ms: the time of the last event that was taken, milliseconds since 1970.
    """

    def __init__(
        self,
        snapshot: bytes | None = None,
        events: Mapping[Moment, bytes] | None = None,
        taken_ms: int = 0,
        names: Mapping[int, Iterable[str]] | None = None,
        remember_ms: int = 3_600_000,
    ) -> None:
        self._detector = Detector.restore(orjson.loads(snapshot)) if snapshot is not None else Detector()
        self._waiting = dict(events or {})
        self._order = sorted(self._waiting)
        self._since_snapshot: list[Moment] = []
        self._remember_ms = remember_ms
        # The oldest first, so that forgetting looks at few.
        self._known = {name: at_ms for at_ms in sorted(names or {}) for name in (names or {})[at_ms]}
        self._known |= {moment.name: moment.at_ms for moment in self._order}
        self.taken_ms = taken_ms
        self.advance(taken_ms)

    @property
    def is_waiting(self) -> bool:
        """
        Whether an event has not been taken yet.
        """
        return bool(self._waiting)

    @property
    def is_snapshot_due(self) -> bool:
        """
        Whether so much has been taken that the next failure would take long to recover from.
        """
        return len(self._since_snapshot) >= _SNAPSHOT_EVENTS

    def add(self, at_ms: int, name: str, body: bytes) -> Moment | None:
        """
        Have an event wait for its time; return when that is. An event that is late is taken next.

        None is returned if an event of this name is known.

        Args:
            at_ms: when it arrived in its topic, milliseconds since 1970.
            name: its id and its host.
            body: a structured CloudEvent.
        """
        if name in self._known:
            return None
        moment = Moment(max(at_ms, self.taken_ms + 1), name)
        self._known[name] = moment.at_ms
        heappush(self._order, moment)
        self._waiting[moment] = body
        return moment

    def advance(self, until_ms: int) -> list[Incident]:
        """
        Let the detector take the events up to a time; return the incidents that open, change or end.

        The detector's clock is that of the events: between two of them no time passes.
        """
        found: list[Incident] = []
        while self._order and self._order[0].at_ms <= until_ms:
            moment = heappop(self._order)
            event: Mapping[str, Any] = orjson.loads(self._waiting.pop(moment))
            found += self._detector.observe(event, moment.at_ms * _NS_PER_MS)
            self._since_snapshot.append(moment)
            self.taken_ms = moment.at_ms
        return found

    def snapshot(self) -> tuple[bytes, Sequence[Moment]]:
        """
        Return the state of the detector as JSON, and the events that are in it now and need not be kept.
        """
        contained, self._since_snapshot = self._since_snapshot, []
        self._forget(self.taken_ms - self._remember_ms)
        return self._detector.save(), contained

    def _forget(self, before_ms: int) -> None:
        """
        Drop the names that came first, as long as they are old. Those of waiting events stay, and hold up no others.
        """
        old: list[str] = []
        for name, at_ms in self._known.items():
            if at_ms > self.taken_ms:
                continue
            if at_ms >= before_ms:
                break
            old.append(name)
        for name in old:
            del self._known[name]

"""
What is done when the store is full, and all that is in it still has to be delivered.

Sources whose input stays where it is (the kernel's ring, the journal) are not read on. What cannot be read again is
still stored: the oldest events give way to it, and an event tells how many were dropped.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from collector.metrics import Metrics
from collector.sources.base import Position
from collector.store import Dropped, Store, StoredEvent, StoreFullError
from sinks.event import Event, EvidenceSource

# So much must have been delivered before sources are read again, else they would start and stop all the time.
_SHARE_LEFT: Final = 0.9
_READ_AGAIN: Final = frozenset({EvidenceSource.KMSG, EvidenceSource.JOURNALD})
_LOG: Final = logging.getLogger(__name__)

# Makes the event that tells of it: per sink how many were dropped, when the first was stored, and when the last.
Tell = Callable[[Mapping[str, int], int, int], StoredEvent]


def can_be_read_again(event: Event) -> bool:
    """
    Whether all evidence of an event comes from sources that keep what they gave.
    """
    evidence = event.exit137.evidence
    return bool(evidence) and all(item.source in _READ_AGAIN for item in evidence)


class Overflow:
    """
    Stores what must be stored, and says when it is too much.

    Args:
        store: where events go.
        metrics: what is counted.
        tell: see `Tell`.

    Attributes:
        room: set while the store takes events.
    """

    def __init__(self, store: Store, metrics: Metrics, tell: Tell) -> None:
        self.room = asyncio.Event()
        self.room.set()
        self._store = store
        self._metrics = metrics
        self._tell = tell
        self._waiting = 0
        self._dropped: Counter[str] = Counter()
        self._since_ns: int | None = None
        self._losing: Sequence[Dropped] = ()

    async def commit(
        self, events: Sequence[StoredEvent], positions: Mapping[str, Position], *, must: bool
    ) -> int | None:
        """
        Store events and positions; gives how many of the events are new. None: there is no room, nothing was stored.

        Args:
            events: what to store.
            positions: per source where it goes on.
            must: some of the events cannot be read again.

        Raises:
            StoreUnavailableError: the disk refused; nothing was stored.
        """
        if self.room.is_set() or not events or self._drained():
            try:
                stored = await self._store.commit(events, positions)
            except StoreFullError as error:
                self._close(error)
            else:
                self.look()
                return stored
        if not must:
            return None
        self._losing = ()
        stored = await self._store.commit_dropping(events, positions, self._told)
        self._note()
        return stored

    def look(self) -> None:
        """
        Have sources read again, if enough was delivered since the store was full.
        """
        if not self.room.is_set() and self._drained():
            _LOG.warning("the store has room again; %d deliveries were dropped", self._dropped.total())
            self._dropped, self._since_ns = Counter(), None
            self.room.set()

    def _close(self, error: StoreFullError) -> None:
        self._waiting = self._store.total_depth()
        if self.room.is_set():
            _LOG.error("%s: the kernel's log and the journal are not read on, of the rest the oldest is dropped", error)
            self.room.clear()

    def _drained(self) -> bool:
        return self._store.total_depth() <= self._waiting * _SHARE_LEFT

    def _told(self, losses: Sequence[Dropped]) -> StoredEvent:
        """
        The event that tells of all that was dropped since the store was full; one that told of less may be gone itself.
        """
        self._losing = losses
        first_ns = min(loss.since_ns for loss in losses)
        counts = self._dropped + Counter({loss.sink: loss.count for loss in losses})
        return self._tell(counts, min(first_ns, self._since_ns or first_ns), max(loss.until_ns for loss in losses))

    def _note(self) -> None:
        """
        What was to be dropped is dropped.
        """
        for loss in self._losing:
            self._metrics.sink_dropped(loss.sink, loss.count)
            self._dropped[loss.sink] += loss.count
            self._since_ns = min(loss.since_ns, self._since_ns or loss.since_ns)
        self._waiting = self._store.total_depth()

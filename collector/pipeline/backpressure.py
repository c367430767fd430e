"""
What happens while the store is full of undelivered events.

Sources whose input can be read again later (the kernel's ring buffer, the journal) are paused. Events whose evidence
cannot be read again are still stored: the oldest undelivered events are dropped for them, and an event reports how
many were dropped.
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

# Sources resume when a tenth of the backlog has been delivered; with less they would stop and start all the time.
_RESUME_SHARE: Final = 0.9
_RE_READABLE: Final = frozenset({EvidenceSource.KMSG, EvidenceSource.JOURNALD})
_LOG: Final = logging.getLogger(__name__)

# Makes the event about dropped deliveries: count per sink, and when the first and the last of them were stored.
MakeDropEvent = Callable[[Mapping[str, int], int, int], StoredEvent]


def can_be_read_again(event: Event) -> bool:
    """
    Return whether all evidence of an event comes from sources that keep their input.
    """
    evidence = event.exit137.evidence
    return bool(evidence) and all(item.source in _RE_READABLE for item in evidence)


class Backpressure:
    """
    Commits to the store, and says when sources must pause because it is full.

    Args:
        store: where events go.
        metrics: counts dropped deliveries.
        make_drop_event: see `MakeDropEvent`; called in the store's thread.

    Attributes:
        has_room: set while the store takes events.
    """

    def __init__(self, store: Store, metrics: Metrics, make_drop_event: MakeDropEvent) -> None:
        self.has_room = asyncio.Event()
        self.has_room.set()
        self._store = store
        self._metrics = metrics
        self._make_drop_event = make_drop_event
        self._depth_when_full = 0
        self._dropped: Counter[str] = Counter()
        self._dropped_since_ns: int | None = None
        self._dropping: Sequence[Dropped] = ()

    async def commit(
        self, events: Sequence[StoredEvent], positions: Mapping[str, Position], *, must_store: bool
    ) -> int | None:
        """
        Store events and positions. Return how many of the events are new, or None if the store is full.

        Args:
            events: what to store.
            positions: per source, where it continues after a restart.
            must_store: if there is no room, drop the oldest undelivered events instead of returning None.

        Raises:
            StoreUnavailableError: the disk refused; nothing was stored.
        """
        if self.has_room.is_set() or not events or self._is_drained():
            try:
                stored = await self._store.commit(events, positions)
            except StoreFullError as error:
                self._mark_full(error)
            else:
                self.update()
                return stored
        if not must_store:
            return None
        self._dropping = ()
        stored = await self._store.commit(events, positions, self._drop_event)
        self._count_dropped()
        return stored

    def update(self) -> None:
        """
        Let paused sources continue if enough was delivered since the store was full.
        """
        if not self.has_room.is_set() and self._is_drained():
            _LOG.warning("the store has room again; %d deliveries were dropped", self._dropped.total())
            self._dropped, self._dropped_since_ns = Counter(), None
            self.has_room.set()

    def _mark_full(self, error: StoreFullError) -> None:
        self._depth_when_full = self._store.backlog.total_depth()
        if self.has_room.is_set():
            _LOG.error("%s: pausing the kernel log and the journal; other events replace the oldest undelivered", error)
            self.has_room.clear()

    def _is_drained(self) -> bool:
        return self._store.backlog.total_depth() <= self._depth_when_full * _RESUME_SHARE

    def _drop_event(self, losses: Sequence[Dropped]) -> StoredEvent:
        """
        Make the event about everything dropped since the store was full. The total is repeated in each such event,
        because an earlier one may have been dropped itself.
        """
        self._dropping = losses
        first_ns = min(loss.since_ns for loss in losses)
        counts = self._dropped + Counter({loss.sink: loss.count for loss in losses})
        since_ns = min(first_ns, self._dropped_since_ns or first_ns)
        return self._make_drop_event(counts, since_ns, max(loss.until_ns for loss in losses))

    def _count_dropped(self) -> None:
        """
        Count what the last commit dropped; only after it succeeded, else a retry would count twice.
        """
        for loss in self._dropping:
            self._metrics.sink_dropped.add(loss.sink, count=loss.count)
            self._dropped[loss.sink] += loss.count
            self._dropped_since_ns = min(loss.since_ns, self._dropped_since_ns or loss.since_ns)
        self._depth_when_full = self._store.backlog.total_depth()

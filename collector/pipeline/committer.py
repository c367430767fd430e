"""
The second buffer of the pipeline: events on their way into the store.

Events, outbox rows and source positions are committed in one transaction. The buffer is emptied after every batch of
the intake, so that it normally holds a few dozen events. Only while the store is full do events wait here, and only
those whose evidence can be read again; see `_MAX_WAITING`.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from collector.delivery import addressed
from collector.facts.observed import GapFact, Origin
from collector.metrics import Metrics
from collector.pipeline.backpressure import Backpressure, can_be_read_again
from collector.pipeline.checkpoints import Checkpoints
from collector.pipeline.event_counter import EventCounter
from collector.publish.agent import AgentEvents
from collector.sources.base import Position
from collector.store import Store, StoredEvent, StoreUnavailableError
from sinks.base import SinkConfig
from sinks.event import Event

# How often positions are stored when there are no events. A crash loses that much reading at most; the facts that are
# read again lead to the same event ids.
_POSITIONS_EVERY_NS: Final = 5_000_000_000
# Small enough for the smallest store that the configuration allows.
_MAX_PART_BYTES: Final = 262_144
# What the store keeps of an event besides its body: the fields by which it is found, their indexes, its outbox rows.
_ROW_BYTES: Final = 1024
_UNAVAILABLE_RETRY_S: Final = 1.0
_FULL_RETRY_NS: Final = 1_000_000_000
# More than the paused sources can have in the inbox (512 facts each). Beyond it the oldest undelivered events are
# dropped instead, because the agent's memory is bounded.
_MAX_WAITING: Final = 1024
_LOG: Final = logging.getLogger(__name__)


class Committer:
    """
    Addresses events to sinks and stores them, together with the positions that are then safe.

    Args:
        store: where events and positions go.
        sinks: the configured sinks.
        agent_events: makes events about the agent itself.
        metrics: counts events.
        on_stored: called after new events were stored.
        complete: adds to an event what has to be looked up; never raises, and takes a bounded time.
        clock_ns: a monotonic clock.
        wall_ns: the wall clock.

    Attributes:
        tried_ns: when the last attempt to store began, on the monotonic clock.
    """

    def __init__(
        self,
        store: Store,
        sinks: Sequence[SinkConfig],
        *,
        agent_events: AgentEvents,
        metrics: Metrics,
        on_stored: Callable[[], None],
        complete: Callable[[Event], Awaitable[Event]] | None = None,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.tried_ns = clock_ns()
        self._backpressure = Backpressure(store, metrics, self._drop_event)
        self._sinks = sinks
        self._agent_events = agent_events
        self._counter = EventCounter(metrics)
        self._on_stored = on_stored
        self._clock_ns = clock_ns
        self._wall_ns = wall_ns
        self._checkpoints = Checkpoints()
        self._positions_due_ns: int | None = None
        self._waiting: list[Event] = []
        self._complete = complete
        # How many of the waiting events have been completed, from the first on.
        self._completed = 0
        self._unavailable: str | None = None

    @property
    def has_room(self) -> asyncio.Event:
        """
        Set while the store takes events; cleared while it is full of undelivered ones.
        """
        return self._backpressure.has_room

    @property
    def trouble(self) -> str | None:
        """
        Why the store takes no events; None if it does.
        """
        return self._unavailable or (None if self.has_room.is_set() else "it is full of undelivered events")

    @property
    def waiting(self) -> int:
        """
        How many events wait to be stored.
        """
        return len(self._waiting)

    @property
    def due_ns(self) -> int | None:
        """
        When `commit` has something to do even without events, on the monotonic clock; None if it has not.
        """
        return self._positions_due_ns

    def route_to(self, sinks: Sequence[SinkConfig]) -> None:
        """
        Address events to these sinks from now on.
        """
        self._sinks = sinks

    def add_reading(self, source: str, position: Position) -> Origin:
        """
        Give a reading its number before it is analyzed, and schedule its position to be stored.
        """
        if position and self._positions_due_ns is None:
            self._positions_due_ns = self._clock_ns() + _POSITIONS_EVERY_NS
        return self._checkpoints.add(source, position)

    def add(self, events: Sequence[Event]) -> None:
        """
        Queue events for the next `commit`.
        """
        self._waiting += events

    def add_gap(self, fact: GapFact) -> None:
        """
        Queue an `exit137.agent` event about the agent itself.
        """
        self._waiting.append(self._agent_events.gap(fact))

    async def commit(self, held: Callable[[], Mapping[str, int]], *, at_once: bool = False) -> None:
        """
        Store what waits, and the positions that are then safe. Without events, store positions only when they are due.

        Wait and retry while the disk refuses; meanwhile the inbox fills and the sources wait. While the store is full,
        events that can be read again stay here, and so does every position.

        Args:
            held: per source the oldest reading that the analyzer still needs; see `Checkpoints.storable`.
            at_once: store positions even if they are not due.
        """
        await self._complete_waiting()
        must_store = len(self._waiting) > _MAX_WAITING or not all(map(can_be_read_again, self._waiting))
        self._backpressure.update()
        has_events = bool(self._waiting) if self.has_room.is_set() else must_store
        if not (at_once or has_events or self._positions_are_due()):
            return
        positions = self._checkpoints.storable(held())
        self._positions_due_ns = None
        if not positions and not has_events:
            return
        if await self._store_waiting(positions, must_store=must_store):
            self._checkpoints.mark_stored(positions)
        else:
            self._positions_due_ns = self._clock_ns() + _FULL_RETRY_NS

    async def _complete_waiting(self) -> None:
        """
        Look up what belongs to the waiting events, each once.
        """
        while self._completed < len(self._waiting):
            event = self._waiting[self._completed]
            if self._complete is not None:
                self._waiting[self._completed] = await self._complete(event)
            self._completed += 1

    def _positions_are_due(self) -> bool:
        return self._positions_due_ns is not None and self._positions_due_ns <= self._clock_ns()

    async def _store_waiting(self, positions: Mapping[str, Position], *, must_store: bool) -> bool:
        """
        Store the waiting events in parts, and the positions with the last part. Return False if the store is full.
        """
        is_last = False
        while not is_last:
            part = self._next_part()
            is_last = len(part) == len(self._waiting)
            stored = await self._store_part(part, positions if is_last else {}, must_store=must_store)
            if stored is None:
                return False
            for event in self._waiting[: len(part)]:
                self._counter.count(event)
            del self._waiting[: len(part)]
            self._completed -= len(part)
            if stored:
                self._on_stored()
        return True

    def _next_part(self) -> list[StoredEvent]:
        """
        Return the first events, addressed, up to `_MAX_PART_BYTES`; at least one if any wait.
        """
        part: list[StoredEvent] = []
        size_bytes = 0
        for event in self._waiting:
            stored_event = addressed(event, self._sinks)
            size_bytes += len(stored_event.body) + _ROW_BYTES
            if part and size_bytes > _MAX_PART_BYTES:
                break
            part.append(stored_event)
        return part

    async def _store_part(
        self, events: Sequence[StoredEvent], positions: Mapping[str, Position], *, must_store: bool
    ) -> int | None:
        """
        Store one part, however often the disk refuses. Return how many events are new, or None if the store is full.
        """
        while True:
            self.tried_ns = self._clock_ns()
            try:
                stored = await self._backpressure.commit(events, positions, must_store=must_store)
            except StoreUnavailableError as error:
                if self._unavailable is None:
                    _LOG.error("%d events cannot be stored, the sources wait: %s", len(events), error)
                self._unavailable = str(error)
                await asyncio.sleep(_UNAVAILABLE_RETRY_S)
            else:
                if self._unavailable is not None:
                    _LOG.warning("the store takes events again")
                self._unavailable = None
                return stored

    def _drop_event(self, counts: Mapping[str, int], from_ns: int, to_ns: int) -> StoredEvent:
        return addressed(self._agent_events.dropped(counts, from_ns, to_ns, self._wall_ns()), self._sinks)

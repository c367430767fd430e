"""
Where all sources meet: readings in, events and positions into the store.

One inbox, one task: the correlator sees one fact at a time. The inbox is bounded; when the agent is behind, sources
wait, and what they read waits where it was written: in the kernel's ring, the journal, Docker's memory.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from collector.correlate.correlator import Correlator
from collector.correlate.facts import Fact, GapFact, Origin
from collector.delivery import group_of, route
from collector.inbox import Inbox
from collector.metrics import Metrics
from collector.moments import moment_ns
from collector.overflow import Overflow, can_be_read_again
from collector.positions import PositionLedger
from collector.sources import KEPT_ELSEWHERE
from collector.sources.base import Position, Reading
from collector.store import Store, StoredEvent, StoreUnavailableError
from sinks.base import SinkConfig
from sinks.event import Event, to_json

# An idle agent writes positions this often; what it would read again after a crash makes the same events.
_POSITIONS_EVERY_NS: Final = 5_000_000_000
_FED_AT_ONCE: Final = 64
_STORED_AT_ONCE: Final = 32
_PART_BYTES: Final = 262_144
_STORE_RETRY_S: Final = 1.0
_FULL_RETRY_NS: Final = 1_000_000_000
# Also without anything to do it looks around this often, so that it can be seen to be alive.
_IDLE_S: Final = 5.0
_NS: Final = 1_000_000_000
_FAILED: Final = "fact_failed"
_LOG: Final = logging.getLogger(__name__)


class Intake:
    """
    Feeds the correlator and stores what it says.

    Args:
        correlator: the state machine.
        store: where events and positions go, in one transaction.
        sinks: whom events are for.
        metrics: what is counted.
        stored: called after events were stored.
        clock_ns: a clock that only goes forward.
        wall_ns: the wall clock.
    """

    def __init__(
        self,
        correlator: Correlator,
        store: Store,
        sinks: Sequence[SinkConfig],
        *,
        metrics: Metrics,
        stored: Callable[[], None],
        clock_ns: Callable[[], int] = time.monotonic_ns,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._correlator = correlator
        self._overflow = Overflow(store, metrics, self._dropped)
        self._sinks = sinks
        self._metrics = metrics
        self._stored = stored
        self._clock_ns = clock_ns
        self._wall_ns = wall_ns
        self._inbox = Inbox()
        self._ledger = PositionLedger()
        self._unfed: deque[tuple[Fact, Origin]] = deque()
        self._paused: deque[tuple[Fact, Origin]] = deque()
        self._untold: list[Event] = []
        self._unstored: dict[str, Position] = {}
        self._refused: str | None = None
        self._positions_due_ns = 0
        self._turned_ns = clock_ns()
        self._faults: set[tuple[str, type[Fact], type[Exception]]] = set()

    async def put(self, source: str, reading: Reading) -> None:
        """
        Hand over what a source read; waits while the agent is behind, and, with what can be read later, while the store
        is full.
        """
        if source in KEPT_ELSEWHERE:
            await self._overflow.room.wait()
        await self._inbox.put(source, reading)

    async def run(self) -> None:
        """
        Work until cancelled.
        """
        while True:
            self._turned_ns = self._clock_ns()
            for source, reading in await self._readings():
                self._note(source, reading)
            await self._feed_all()
            await self._commit()

    async def settle(self, deadline_s: float) -> None:
        """
        No source reads any more: let what waits for late evidence come to its end, at most so long, and store all.

        Args:
            deadline_s: seconds from now. What is not settled then is read again after the next start.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                await self._settle(self._clock_ns() + int(deadline_s * _NS))

    async def _settle(self, until_ns: int) -> None:
        while self._clock_ns() < until_ns:
            for source, reading in await self._inbox.take():
                self._note(source, reading)
            await self._feed_all()
            await self._commit(at_once=True)
            due_ns = self._correlator.next_deadline_ns()
            if due_ns is None:
                return
            await asyncio.sleep(max(min(due_ns, until_ns) - self._clock_ns(), 0) / _NS)

    def since_turn_s(self) -> float:
        """
        How long ago it last took what there was, or tried to store it; it never rests for more than some seconds.
        """
        return (self._clock_ns() - self._turned_ns) / _NS

    @property
    def trouble(self) -> str | None:
        """
        Why the store takes nothing; None: it does.
        """
        return self._refused or (None if self._overflow.room.is_set() else "it is full of what waits for sinks")

    def route_to(self, sinks: Sequence[SinkConfig]) -> None:
        """
        From now on events are for these sinks.
        """
        self._sinks = sinks

    def tell(self, fact: GapFact) -> None:
        """
        Have an event made of something that befell the agent itself, not one of its sources.
        """
        self._untold.append(self._correlator.about.gap(fact))

    def remember(self, facts: Sequence[Fact]) -> None:
        """
        Tell the correlator what was found out before the agent was last stopped.
        """
        for fact in facts:
            self._correlator.feed(fact, self._clock_ns())

    async def _readings(self) -> list[tuple[str, Reading]]:
        """
        The next readings, or none when it is time to do something without one.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._wait_s()):
                await self._inbox.wait()
        return await self._inbox.take()

    def _wait_s(self) -> float:
        deadlines = [self._correlator.next_deadline_ns(), self._positions_due_ns or None]
        waits_s = [max(due - self._clock_ns(), 0) / _NS for due in deadlines if due is not None]
        return min([_IDLE_S, *waits_s])

    def _note(self, source: str, reading: Reading) -> None:
        origin = self._ledger.note(source, reading.position)
        self._unfed.extend((fact, origin) for fact in reading.facts)
        self._metrics.source_facts(source, len(reading.facts))
        if not self._positions_due_ns:
            self._positions_due_ns = self._clock_ns() + _POSITIONS_EVERY_NS

    async def _feed_all(self) -> None:
        """
        Feed what is there, and let the sources have their turn in between: /proc soon forgets whom they ask it for. Of
        much that is there events are stored little by little, with their positions, so that any store can take them and
        a crash costs little.
        """
        if self._overflow.room.is_set():
            self._unfed.extendleft(reversed(self._paused))
            self._paused.clear()
        while self._unfed:
            for _ in range(min(_FED_AT_ONCE, len(self._unfed))):
                fact, origin = self._unfed.popleft()
                if self._is_paused(origin.source):
                    self._paused.append((fact, origin))
                else:
                    self._feed(fact, origin)
            if len(self._untold) >= _STORED_AT_ONCE:
                await self._commit()
            await asyncio.sleep(0)
        self._untold += self._correlator.tick(self._clock_ns())

    def _is_paused(self, source: str) -> bool:
        """
        Whether what was read of a source waits: while the store is full, and behind what waited then.
        """
        return source in KEPT_ELSEWHERE and (bool(self._paused) or not self._overflow.room.is_set())

    def _feed(self, fact: Fact, origin: Origin) -> None:
        if isinstance(fact, GapFact):
            self._note_gap(fact)
        seen_ns = moment_ns(fact)
        if seen_ns is not None:
            self._metrics.source_lag(origin.source, (self._wall_ns() - seen_ns) / _NS)
        try:
            self._untold += self._correlator.feed(fact, self._clock_ns(), origin)
        except Exception as error:  # noqa: BLE001 (see there)
            self._failed(fact, origin.source, error)

    def _failed(self, fact: Fact, source: str, error: Exception) -> None:
        """
        A fault of ours in one fact must not end the agent, to meet it again after its start: it is counted, told once
        for its kind, and left behind.
        """
        self._metrics.source_gap(source, _FAILED)
        kind = (source, type(fact), type(error))
        if kind in self._faults:
            return
        self._faults.add(kind)
        _LOG.error("a fact of the source %s could not be followed: %r", source, fact, exc_info=error)
        text = f"A fault of the agent kept it from following what the source {source} saw ({type(error).__name__})."
        self.tell(GapFact(source=source, what=_FAILED, at_ns=self._wall_ns(), text=text))

    def _note_gap(self, fact: GapFact) -> None:
        if fact.what not in ("source_up", "source_down"):
            _LOG.warning("source %s: %s", fact.source, fact.text, extra={"source": fact.source, "what": fact.what})
            self._metrics.source_gap(fact.source, fact.what)

    async def _commit(self, *, at_once: bool = False) -> None:
        """
        Store events and the positions that may go with them; without events, positions only when they are due.

        While the store is full, what can be read again waits here; that its source is not read on bounds it.
        """
        must = not all(map(can_be_read_again, self._untold))
        due = at_once or (0 < self._positions_due_ns <= self._clock_ns())
        self._overflow.look()
        if not due and not (self._untold if self._overflow.room.is_set() else must):
            return
        self._unstored |= self._ledger.storable(self._held())
        self._positions_due_ns = 0
        while True:
            events = self._part()
            is_last = len(events) == len(self._untold)
            stored = await self._store_for_sure(events, self._unstored if is_last else {}, must=must)
            if stored is None:
                self._positions_due_ns = self._clock_ns() + _FULL_RETRY_NS
                return
            for event in self._untold[: len(events)]:
                self._metrics.event(event)
            del self._untold[: len(events)]
            if stored:
                self._stored()
            if is_last:
                break
        self._ledger.stored(self._unstored)
        self._unstored = {}

    def _part(self) -> list[StoredEvent]:
        """
        The first of the events, no more than the smallest store can take at once.
        """
        part: list[StoredEvent] = []
        size_bytes = 0
        for event in self._untold:
            outgoing = self._outgoing(event)
            size_bytes += len(outgoing.body)
            if part and size_bytes > _PART_BYTES:
                break
            part.append(outgoing)
        return part

    def _held(self) -> dict[str, int]:
        """
        Per source the oldest reading that is still needed: by the correlator, or because it was not fed yet.
        """
        held = dict(self._correlator.held())
        for _, origin in (*self._paused, *self._unfed):
            held[origin.source] = min(origin.ordinal, held.get(origin.source, origin.ordinal))
        return held

    async def _store_for_sure(
        self, events: Sequence[StoredEvent], positions: Mapping[str, Position], *, must: bool
    ) -> int | None:
        """
        Try until the disk takes it. Meanwhile the queue fills and sources wait: nothing is read and forgotten.
        """
        while True:
            self._turned_ns = self._clock_ns()
            try:
                stored = await self._overflow.commit(events, positions, must=must)
            except StoreUnavailableError as error:
                if self._refused is None:
                    _LOG.error("%d events cannot be stored, sources wait: %s", len(events), error)
                self._refused = str(error)
                await asyncio.sleep(_STORE_RETRY_S)
            else:
                if self._refused is not None:
                    _LOG.warning("the store takes events again")
                self._refused = None
                return stored

    def _dropped(self, counts: Mapping[str, int], from_ns: int, to_ns: int) -> StoredEvent:
        return self._outgoing(self._correlator.about.dropped(counts, from_ns, to_ns, self._wall_ns()))

    def _outgoing(self, event: Event) -> StoredEvent:
        container = event.container
        return StoredEvent(
            id=event.id,
            type=event.type.value,
            subject=event.subject,
            key=event.key,
            time_ns=event.time_ns,
            container_id=container.id if container is not None else None,
            body=to_json(event),
            sinks=route(event, self._sinks),
            group=group_of(event),
        )

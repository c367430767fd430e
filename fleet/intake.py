"""
Where all inputs meet: one task stores what arrives and what the detector makes of it.

New events, the incidents that they open, the offsets of Kafka and the detector's state go into the store in one
transaction (docs/adr/0026-exactly-once-into-the-hub.md). Whoever delivered the events learns of it only after that.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from collector.delivery import addressed
from collector.store import StoredEvent, StoreError, StoreFullError, StoreUnavailableError
from collector.store.records import Position
from fleet.arrival import Arrival, RefusedEventError, arrivals
from fleet.incidents.detector import Detector
from fleet.incidents.event import event_of
from fleet.incidents.incident import Incident
from fleet.stores import HubStore
from sinks import SinkConfig
from sinks.event import EventType

# One transaction; larger ones make whoever waits wait longer.
_BATCH_EVENTS: Final = 512
_BATCH_BYTES: Final = 4_194_304
# What may wait in memory. Beyond it inputs are told to wait: agents keep their events in their own outbox.
_MAX_EVENTS: Final = 8192
_MAX_BYTES: Final = 33_554_432
_ADVANCE_S: Final = 1.0
_RETRY_S: Final = 1.0
# How much is observed again after a crash: the state is stored so often, and with each incident.
_SAVE_EVERY_NS: Final = 10_000_000_000
_REPLAYED_AT_ONCE: Final = 500
# The state stands among the positions: what the detector has taken of the store.
DETECTOR: Final = "fleet/detector"
_LOG: Final = logging.getLogger(__name__)


class BusyError(Exception):
    """
    Raised when more waits than may; the input must try again later.
    """


@dataclass(frozen=True, slots=True)
class _Delivery:
    arrivals: Sequence[Arrival]
    positions: Mapping[str, Position]
    stored: "asyncio.Future[None]"

    @property
    def size_bytes(self) -> int:
        return sum(len(item.stored.body) for item in self.arrivals)


class FleetIntake:
    """
    Stores the events of many hosts, each once, and the incidents of the fleet.

    Args:
        store: where they go.
        detector: finds the incidents; None where another task does (fleet/opensearch/duty.py).
        sinks: receive the incidents.
        on_stored: called with the new events and incidents after they were stored.
        wall_ns: the wall clock.

    Attributes:
        trouble: why the store takes no events; None if it does.
        progress_s: when the loop last turned or tried to store, on the monotonic clock.
    """

    def __init__(
        self,
        store: HubStore,
        detector: Detector | None,
        sinks: Sequence[SinkConfig],
        *,
        on_stored: Callable[[Sequence[StoredEvent]], None] = lambda _events: None,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.trouble: str | None = None
        self.progress_s = time.monotonic()
        self._store = store
        self._detector = detector
        self._sinks = sinks
        self._on_stored = on_stored
        self._wall_ns = wall_ns
        self._waiting: list[_Delivery] = []
        self._waiting_events = 0
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        self._saved_ns = 0
        self._is_changed = False
        # Whether all that the detector has found is stored. Only then may its state be.
        self._is_whole = True

    def offer(
        self, events: Sequence[Arrival], positions: Mapping[str, Position] | None = None
    ) -> "asyncio.Future[None]":
        """
        Queue events; the result is done when they are stored.

        Args:
            events: of any hosts.
            positions: what an input has read up to and with them.

        Raises:
            BusyError: too much waits.
        """
        if self._waiting and (self._waiting_events > _MAX_EVENTS or self._waiting_bytes > _MAX_BYTES):
            raise BusyError
        delivery = _Delivery(events, positions or {}, asyncio.get_running_loop().create_future())
        self._waiting.append(delivery)
        self._waiting_events += len(events)
        self._waiting_bytes += delivery.size_bytes
        self._arrived.set()
        return delivery.stored

    def route_to(self, sinks: Sequence[SinkConfig]) -> None:
        """
        Send incidents to these sinks from now on.
        """
        self._sinks = sinks

    async def replay(self, after_seq: int) -> int:
        """
        Have the detector take what was stored after its state was. Return how many events that are.
        """
        count = 0
        incidents: list[Incident] = []
        while past := await self._store.events_after(after_seq, _REPLAYED_AT_ONCE):
            for event in past:
                if event.type != EventType.FLEET_INCIDENT.value:
                    with contextlib.suppress(RefusedEventError):
                        incidents += self._observed(arrivals(event.body))
            after_seq, count = past[-1].seq, count + len(past)
        # Only now: a state in between would not know the rest.
        await self._commit([], {}, incidents)
        return count

    async def run(self) -> None:
        """
        Store what arrives, and let time pass for the detector, until cancelled.
        """
        while True:
            self.progress_s = time.monotonic()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ADVANCE_S):
                    await self._arrived.wait()
            await self._turn()

    async def drain(self) -> None:
        """
        Store what waits, and the detector's state; not if `run` was cancelled before it had stored what was found.
        """
        if not self._is_whole:
            self._detector = None  # the next start goes on from the state before, and finds it again
        while self._waiting:
            await self._turn()
        await self._commit([], {}, [], save=True)

    async def _turn(self) -> None:
        batch = self._next_batch()
        fresh = await self._new([item for delivery in batch for item in delivery.arrivals])
        positions = {name: position for delivery in batch for name, position in delivery.positions.items()}
        self._is_whole = False
        incidents = self._observed(fresh)
        if self._detector is not None:
            incidents += self._detector.advance(self._wall_ns())
        await self._commit([item.stored for item in fresh], positions, incidents)
        self._is_whole = True
        for delivery in batch:
            if not delivery.stored.done():
                delivery.stored.set_result(None)

    def _next_batch(self) -> list[_Delivery]:
        batch: list[_Delivery] = []
        events = size_bytes = 0
        while self._waiting and events < _BATCH_EVENTS and size_bytes < _BATCH_BYTES:
            delivery = self._waiting.pop(0)
            batch.append(delivery)
            events += len(delivery.arrivals)
            size_bytes += delivery.size_bytes
        self._waiting_events -= events
        self._waiting_bytes -= size_bytes
        if not self._waiting:
            self._arrived.clear()
        return batch

    async def _new(self, items: Sequence[Arrival]) -> list[Arrival]:
        """
        Return the events that are not stored, each once.

        An id belongs to the host that used it first. Where another host uses it too, its event gets an id of its own,
        so that no host can keep the events of another from being stored.
        """
        sources = await self._sources([item.id for item in items])
        first: dict[str, Arrival] = {}
        renamed: list[Arrival] = []
        for item in items:
            source = sources.get(item.id) or first.setdefault(item.id, item).source
            if source != item.source:
                renamed.append(item.renamed())
        return [*first.values(), *(await self._new(renamed) if renamed else ())]

    async def _sources(self, ids: Sequence[str]) -> Mapping[str, str]:
        while ids:
            try:
                return await self._store.sources(ids)
            except StoreUnavailableError as error:
                await self._wait_for_store(error)
        return {}

    def _observed(self, events: Iterable[Arrival]) -> list[Incident]:
        now_ns, detector = self._wall_ns(), self._detector
        if detector is None:
            return []
        return [incident for item in events for incident in detector.observe(item.document, now_ns)]

    async def _commit(
        self,
        events: Sequence[StoredEvent],
        positions: Mapping[str, Position],
        incidents: Sequence[Incident],
        *,
        save: bool = False,
    ) -> None:
        """
        Store all of it in one transaction, however often the disk refuses.
        """
        now_ns = self._wall_ns()
        save = save and self._detector is not None
        self._is_changed = self._detector is not None and (self._is_changed or bool(events))
        is_due = self._is_changed and now_ns - self._saved_ns >= _SAVE_EVERY_NS
        stored = [*events, *(addressed(event_of(incident), self._sinks) for incident in incidents)]
        while stored or positions or save or is_due:
            try:
                state = await self._state(self._detector) if self._detector and (incidents or save or is_due) else {}
                await self._store.commit(stored, {**positions, **state})
            except (StoreUnavailableError, StoreFullError) as error:
                await self._wait_for_store(error)
                continue
            if state:
                self._saved_ns, self._is_changed = now_ns, False
            if self.trouble is not None:
                _LOG.warning("the store takes events again")
            self.trouble = None
            self._on_stored(stored)
            return

    async def _state(self, detector: Detector) -> dict[str, dict[str, Any]]:
        """
        Return the detector's state, with the number of the last event that it surely knows.

        The events of this transaction come after that number: they are observed again, and recognised.
        """
        return {DETECTOR: {"seq": await self._store.last_seq(), "state": orjson.Fragment(detector.save())}}

    async def _wait_for_store(self, error: StoreError) -> None:
        if self.trouble is None:
            _LOG.error("the store takes no events, the inputs wait: %s", error)
        self.trouble = str(error)
        self.progress_s = time.monotonic()
        await asyncio.sleep(_RETRY_S)

"""
Finds incidents for all hubs of a cluster, while this one holds the lease.

The detector takes the events in the order in which the cluster numbered them. Its state is a document, with the number
up to which it knows everything: the next hub goes on from there, and takes what came after it again. Ids of incidents
are made of the evidence, so that they open once. After any failure the hub begins again from the stored state.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

import orjson

from collector.delivery import addressed
from collector.store import PastEvent, Store, StoreError, StoreUnavailableError
from fleet.arrival import RefusedEventError, arrivals
from fleet.incidents.detector import Detector
from fleet.incidents.event import event_of
from fleet.incidents.incident import Incident
from fleet.opensearch.lease import Lease
from fleet.opensearch.owed import Owed
from fleet.opensearch.state import Version
from fleet.opensearch.store import ClusterStore
from fleet.opensearch.tail import Tail
from sinks import SinkConfig
from sinks.event import EventType

_POLL_S: Final = 0.5
_RETRY_S: Final = 1.0
_SAVE_EVERY_S: Final = 10.0
_KIND: Final = "detector"
_ID: Final = "state"
_LOG: Final = logging.getLogger(__name__)

Apply = Callable[[Sequence[SinkConfig]], Awaitable[None]]


class _LeaseLostError(Exception):
    """
    Raised when another hub may hold the lease by now.
    """


class DetectorDuty:
    """
    The detector of the cluster.

    Args:
        store: the cluster.
        outbox: the hub's own store, from which sinks are served.
        lease: says whether it is this hub's turn.
        sinks: receive the incidents.
        apply: has sinks served, or none.
        wake: says that there is something to send.
        wall_ns: the wall clock.

    Attributes:
        trouble: why no incidents are found although this hub should; None if they are.
    """

    def __init__(
        self,
        store: ClusterStore,
        outbox: Store,
        lease: Lease,
        sinks: Sequence[SinkConfig],
        *,
        apply: Apply,
        wake: Callable[[], None],
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.trouble: str | None = None
        self._store = store
        self._lease = lease
        self._sinks = sinks
        self._apply = apply
        self._wake = wake
        self._wall_ns = wall_ns
        self._owed = Owed(store, outbox)
        self._detector = Detector()
        self._tail = Tail(store.reading, 0)
        self._version: Version | None = None
        self._uuid = ""
        self._looked_s = 0.0
        self._is_changed = False
        # Whether all that the detector has found is stored. Only then may its state be.
        self._is_whole = False

    async def run(self) -> None:
        """
        Find incidents whenever it is this hub's turn, until cancelled.
        """
        while True:
            while not self._lease.is_held:
                self._lease.changed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_RETRY_S):
                        await self._lease.changed.wait()
            try:
                await self._hold()
            except _LeaseLostError:
                self.trouble = None
                _LOG.warning("another hub may find incidents now")
            except StoreError as error:
                if self.trouble is None:
                    _LOG.error("no incidents are found, trying again: %s", error)
                self.trouble = str(error)
                await asyncio.sleep(_RETRY_S)
            finally:
                await self._apply(())

    async def finish(self) -> None:
        """
        Store the state, and let another hub go on.

        Raises:
            StoreError: the cluster does not answer.
        """
        if self._lease.is_held and self._is_whole:
            with contextlib.suppress(_LeaseLostError):
                await self._owed.settle()
                await self._save()
        await self._lease.release()

    async def _hold(self) -> None:
        """
        Find incidents as long as the lease is held.

        Raises:
            _LeaseLostError: it is not held any more.
            StoreError: the cluster or the outbox does not answer.
        """
        await self._take_over()
        if self.trouble is not None:
            _LOG.warning("incidents are found again")
        self.trouble = None
        while True:
            self._check_lease()
            events = await self._tail.read()
            self._is_changed = self._is_changed or bool(events)
            now_ns = self._wall_ns()
            self._is_whole = False
            incidents = [*self._observed(events, now_ns), *self._detector.advance(now_ns)]
            if incidents:
                await self._publish(incidents)
            self._is_whole = True
            is_due = time.monotonic() - self._looked_s >= _SAVE_EVERY_S
            if incidents or (is_due and self._is_changed):
                await self._save()
            elif is_due:
                await self._check_index()
            await self._owed.settle()
            if not events:
                await asyncio.sleep(_POLL_S)

    async def _take_over(self) -> None:
        self._is_whole = False
        note = await self._store.state.get(_KIND, _ID)
        self._uuid, after_seq = await self._store.uuid(), 0
        self._detector, self._version = Detector(), None
        if note is not None:
            self._version = note.version
            if note.content["uuid"] == self._uuid:
                after_seq = int(note.content["seq"])
                self._detector = Detector.restore(note.content["state"])
        self._tail = Tail(self._store.reading, after_seq)
        self._check_lease()
        await self._owed.take_over([sink.name for sink in self._sinks])
        self._check_lease()
        # Whoever held the lease before can replace the state no more.
        await self._save()
        self._is_whole = True
        await self._apply(self._sinks)
        _LOG.info("this hub finds incidents now, from event %d on", after_seq)

    def _observed(self, events: Iterable[PastEvent], now_ns: int) -> list[Incident]:
        found: list[Incident] = []
        for event in events:
            if event.type != EventType.FLEET_INCIDENT.value:
                with contextlib.suppress(RefusedEventError):
                    for arrival in arrivals(event.body):
                        found += self._detector.observe(arrival.document, now_ns)
        return found

    async def _publish(self, incidents: Iterable[Incident]) -> None:
        self._check_lease()
        await self._owed.add([addressed(event_of(incident), self._sinks) for incident in incidents])
        self._wake()

    async def _save(self) -> None:
        await self._check_index()
        content = {
            "uuid": self._uuid,
            "seq": self._tail.complete_seq,
            "state": orjson.Fragment(self._detector.save()),
        }
        version = await self._store.state.replace(_KIND, _ID, content, self._version)
        if version is None:
            raise _LeaseLostError
        self._version = version
        self._is_changed = False

    async def _check_index(self) -> None:
        """
        Notice an index that was made anew: it counts from the beginning, and its events would be taken for known ones.
        """
        if await self._store.uuid() != self._uuid:
            raise StoreUnavailableError(self._store.events_index, "the index of the events was made anew")
        self._looked_s = time.monotonic()

    def _check_lease(self) -> None:
        if not self._lease.is_held:
            raise _LeaseLostError

"""
Takes stored events to their sinks: order, retry, deadlines, and what becomes of failures.

One task per sink, and nothing shared but the store: a dead sink neither delays nor duplicates another.
An event is delivered when its sink says so and the store has noted it; a crash in between sends it twice.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from collector.metrics import Metrics
from collector.store import PendingEvent, Store
from sinks.base import Sink, SinkConfig
from sinks.errors import DisabledError, PartialError, PermanentError, Reason, SinkError, TransientError
from sinks.event import Event

_BATCH: Final = 500
_ATTEMPT_S: Final = 60.0
_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 60.0
_DISABLED_WAIT_S: Final = 300.0
_CLOSE_S: Final = 10.0
_SHORTEST_REST_S: Final = 0.05
_LOG: Final = logging.getLogger(__name__)


class SinkState(StrEnum):
    """
    How a sink is: not tried yet, taking events, failing for now, or in need of a person.
    """

    STARTING = "starting"
    UP = "up"
    DOWN = "down"
    DISABLED = "disabled"


@dataclass(slots=True, kw_only=True)
class SinkHealth:
    """
    What is known of one sink.

    Attributes:
        why: the words of the last failure, while it lasts.
    """

    state: SinkState = SinkState.STARTING
    why: str | None = None


class Clock(Protocol):
    """
    What delivery knows of time.
    """

    def now_s(self) -> float:
        """
        Seconds since 1970.
        """
        ...

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """
        Wait until the event is set, at most so long; None: without limit.
        """
        ...


class WallClock:
    """
    The real one.
    """

    def now_s(self) -> float:
        """
        CLOCK_REALTIME, for what is stored must have a meaning after a restart.
        """
        return time.time()

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """
        Wait until the event is set, at most so long; None: without limit.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()


def route(event: Event, sinks: Sequence[SinkConfig]) -> tuple[str, ...]:
    """
    The names of the sinks that shall get an event.
    """
    cause = event.exit137.cause
    return tuple(
        sink.name
        for sink in sinks
        if (sink.events is None or event.type in sink.events)
        and (sink.causes is None or cause is None or cause in sink.causes)
    )


class Delivery:
    """
    All sinks and their tasks.

    Args:
        store: where events wait.
        sinks: by name.
        metrics: what is counted.
        clock: the time.
        rng: for jitter.
    """

    def __init__(
        self,
        store: Store,
        sinks: Mapping[str, Sink],
        metrics: Metrics,
        clock: Clock | None = None,
        rng: random.Random | None = None,
    ) -> None:
        clock = clock or WallClock()
        rng = rng or random.Random()  # noqa: S311 (jitter, not a secret)
        self._couriers = {
            name: Courier(name, sink, store=store, metrics=metrics, clock=clock, rng=rng)
            for name, sink in sinks.items()
        }

    @property
    def health(self) -> dict[str, SinkHealth]:
        """
        Per sink how it is.
        """
        return {name: courier.health for name, courier in self._couriers.items()}

    def wake(self) -> None:
        """
        Say that something was stored.
        """
        for courier in self._couriers.values():
            courier.wake.set()

    async def run(self) -> None:
        """
        Deliver until cancelled, then close the sinks.
        """
        async with asyncio.TaskGroup() as tasks:
            for name, courier in self._couriers.items():
                tasks.create_task(courier.run(), name=f"sink {name}")

    async def drain(self, deadline_s: float) -> bool:
        """
        Wait until every sink has what is stored, at most so long; returns whether they all do.

        Args:
            deadline_s: seconds from now.
        """
        for courier in self._couriers.values():
            courier.idle.clear()
            courier.wake.set()
        try:
            async with asyncio.timeout(deadline_s):
                for courier in self._couriers.values():
                    await courier.idle.wait()
        except TimeoutError:
            return False
        return True


class Courier:
    """
    Brings one sink what waits for it.

    Args:
        name: the sink's name.
        sink: where to bring it.
        store: where it waits.
        metrics: what is counted.
        clock: the time.
        rng: for jitter.

    Attributes:
        wake: set when there may be something new.
        idle: set while nothing waits.
        health: how the sink is.
    """

    def __init__(
        self, name: str, sink: Sink, *, store: Store, metrics: Metrics, clock: Clock, rng: random.Random
    ) -> None:
        self.wake = asyncio.Event()
        self.idle = asyncio.Event()
        self.health = SinkHealth()
        self._never = asyncio.Event()
        self._name = name
        self._sink = sink
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._rng = rng
        self._open = False
        self._failures = 0

    async def run(self) -> None:
        """
        Deliver until cancelled, then close the sink.
        """
        try:
            while True:
                self.wake.clear()
                batch = await self._store.pending(self._name, self._batch_size, self._clock.now_s())
                if batch:
                    self.idle.clear()
                    await self._deliver(batch)
                    self._tell_depth()
                else:
                    await self._rest()
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await self._sink.aclose()

    @property
    def _batch_size(self) -> int:
        return min(_BATCH, self._sink.max_batch)

    async def _rest(self) -> None:
        due_s = await self._store.next_retry_s(self._name)
        if due_s is None:
            # What was stored since the last look has set `wake` again.
            if not self.wake.is_set():
                self.idle.set()
            await self._clock.wait(self.wake, None)
            return
        wait_s = min(max(due_s - self._clock.now_s(), _SHORTEST_REST_S), _LONGEST_WAIT_S)
        await self._clock.wait(self.wake, wait_s)

    async def _deliver(self, batch: Sequence[PendingEvent]) -> None:
        try:
            await self._attempt(batch)
        except PartialError as error:
            await self._partly(batch, error)
        except PermanentError as error:
            await self._refused(batch, error)
        except (TransientError, DisabledError) as error:
            await self._postpone(_ids(batch), error)
        else:
            await self._taken(_ids(batch))

    async def _attempt(self, batch: Sequence[PendingEvent]) -> None:
        try:
            async with asyncio.timeout(_ATTEMPT_S):
                if not self._open:
                    await self._sink.open()
                    self._open = True
                await self._sink.send([event.outgoing for event in batch])
        except TimeoutError as error:
            self._open = False
            raise TransientError(Reason.TIMEOUT, f"not done in {_ATTEMPT_S:.0f} s") from error
        except (TransientError, DisabledError):
            self._open = False
            raise
        except (PartialError, PermanentError):
            raise
        except Exception as error:
            _LOG.exception("sink %s failed in a way nobody foresaw", self._name)
            self._open = False
            raise TransientError(Reason.IO_ERROR, f"internal error: {type(error).__name__}") from error

    async def _refused(self, batch: Sequence[PendingEvent], error: PermanentError) -> None:
        """
        Put one event aside; of several, find out which it is.
        """
        if len(batch) == 1:
            await self._bury(batch[0].outgoing.id, error)
            return
        for event in batch:
            await self._deliver([event])
            if self.health.state is not SinkState.UP:
                # Those after it may have the same key; they come with the next batch.
                return

    async def _partly(self, batch: Sequence[PendingEvent], error: PartialError) -> None:
        await self._taken(_ids(batch, without=error.failures))
        waiting: list[str] = []
        cause: TransientError | None = None
        for event_id, failure in error.failures.items():
            if isinstance(failure, PermanentError):
                await self._bury(event_id, failure)
            else:
                waiting.append(event_id)
                cause = failure
        if cause is not None:
            await self._postpone(waiting, cause)

    async def _taken(self, ids: Sequence[str]) -> None:
        if not ids:
            return
        await self._store.delivered(self._name, ids)
        self._metrics.sink_sent(self._name, len(ids))
        self._well()

    async def _bury(self, event_id: str, error: PermanentError) -> None:
        _LOG.error("sink %s will never take event %s: %s", self._name, event_id, error)
        await self._store.dead(self._name, event_id, error.reason.value, error.detail)
        self._metrics.sink_failed(self._name, error.reason)
        self._metrics.sink_dead(self._name)
        self._well()

    async def _postpone(self, ids: Sequence[str], error: TransientError | DisabledError) -> None:
        self._failures += 1
        wait_s = self._wait_s(error)
        self._ill(error)
        self._metrics.sink_failed(self._name, error.reason)
        retry_at_s = self._clock.now_s() + wait_s
        await self._store.failed(self._name, ids, retry_at_s, error.reason.value, error.detail)
        self._tell_depth()
        await self._clock.wait(self._never, wait_s)

    def _wait_s(self, error: SinkError) -> float:
        if isinstance(error, DisabledError):
            return _DISABLED_WAIT_S
        if isinstance(error, TransientError) and error.retry_after_s is not None:
            return error.retry_after_s
        longest_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(self._failures - 1, 16))
        return self._rng.uniform(0.0, longest_s)

    def _well(self) -> None:
        if self.health.state in (SinkState.DOWN, SinkState.DISABLED):
            _LOG.info("sink %s takes events again", self._name)
        self.health.state, self.health.why, self._failures = SinkState.UP, None, 0
        self._metrics.sink_up(self._name, up=True)

    def _ill(self, error: SinkError) -> None:
        state = SinkState.DISABLED if isinstance(error, DisabledError) else SinkState.DOWN
        if (self.health.state, self.health.why) != (state, str(error)):
            _LOG.warning("sink %s is %s: %s", self._name, state.value, error)
        self.health.state, self.health.why = state, str(error)
        self._metrics.sink_up(self._name, up=False)

    def _tell_depth(self) -> None:
        self._metrics.sink_depth(self._name, self._store.depth(self._name))


def _ids(batch: Sequence[PendingEvent], without: Collection[str] = ()) -> list[str]:
    return [event.outgoing.id for event in batch if event.outgoing.id not in without]

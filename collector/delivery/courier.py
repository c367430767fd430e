"""
Brings one sink what waits for it: order, retry, deadlines, and what becomes of failures.

An event is delivered when the sink says so and the store has noted it; a crash in between sends it twice. Couriers
share nothing but the store: a dead sink neither delays nor duplicates another.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from collector.delivery.breaker import Breaker
from collector.delivery.clock import Clock, WallClock
from collector.delivery.grouping import BETWEEN_MESSAGES_S, Teller
from collector.delivery.next_batch import NextBatch, next_batch, next_message
from collector.metrics import Circuit, Metrics
from collector.store import PendingEvent, Store, StoreUnavailableError, Told
from sinks.base import Grouping, Sink, SinkConfig
from sinks.errors import DisabledError, PartialError, PermanentError, Reason, SinkError, TransientError

_BATCH: Final = 500
_ATTEMPT_S: Final = 60.0
_CLOSE_S: Final = 10.0
_SHORTEST_REST_S: Final = 0.05
_LONGEST_REST_S: Final = 60.0
_STORE_RETRY_S: Final = 1.0
_EXPIRE_EVERY_S: Final = 60.0
_LOG: Final = logging.getLogger(__name__)
_Result = TypeVar("_Result")


@dataclass(slots=True, kw_only=True)
class SinkHealth:
    """
    What is known of one sink.

    Attributes:
        circuit: whether it is sent to.
        why: the words of the last failure, while it lasts.
    """

    circuit: Circuit = Circuit.CLOSED
    why: str | None = None


class Courier:
    """
    Delivers to one sink.

    Args:
        config: the sink's configuration.
        sink: where to bring it.
        store: where it waits.
        metrics: what is counted.
        clock: the time.
        rng: for jitter.

    Attributes:
        health: how the sink is.
    """

    def __init__(
        self,
        config: SinkConfig,
        sink: Sink,
        *,
        store: Store,
        metrics: Metrics,
        clock: Clock | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.health = SinkHealth()
        self._name = config.name
        self._give_up_after_s = config.give_up_after_s
        self._grouping: Grouping | None = getattr(config, "grouping", None)
        self._sink = sink
        self._store = store
        self._metrics = metrics
        self._clock = clock or WallClock()
        self._breaker = Breaker(rng or random.Random())  # noqa: S311 (jitter, not a secret)
        self._teller: Teller | None = None
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._retry = asyncio.Event()
        self._never = asyncio.Event()
        self._open = False
        self._expire_due_s = 0.0

    def wake(self) -> None:
        """
        Say that something was stored.
        """
        self._wake.set()

    def retry(self) -> None:
        """
        Say that a person wants what waits sent now, however long the sink was to be left alone.
        """
        self._retry.set()
        self._wake.set()

    async def drain(self, deadline_s: float) -> bool:
        """
        Wait until the sink has what it may be sent now, at most so long; returns whether it has.

        Args:
            deadline_s: seconds from now.
        """
        self._idle.clear()
        self._wake.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                await self._idle.wait()
        return self._idle.is_set()

    async def run(self) -> None:
        """
        Deliver until cancelled, then close the sink.
        """
        try:
            if self._grouping is not None:
                told = await self._surely(partial(self._store.told, self._name))
                self._teller = Teller(self._grouping, told)
            while True:
                self._wake.clear()
                if self.health.why is not None and self._clock.now_s() >= self._expire_due_s:
                    await self._surely(self._expire)
                following = await self._surely(self._next)
                if following.events:
                    self._idle.clear()
                    await self._deliver(following)
                    self._metrics.sink_depth(self._name, self._store.depth(self._name))
                else:
                    await self._rest(following.due_s)
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await self._sink.aclose()

    async def _next(self) -> NextBatch:
        limit, now_s = min(_BATCH, self._sink.max_batch), self._clock.now_s()
        if self._teller is not None:
            return await next_message(self._store, self._name, limit, now_s, self._teller)
        return await next_batch(self._store, self._name, limit, now_s, probing=self._breaker.probing)

    async def _expire(self) -> None:
        """
        Put aside what is too old, of a sink that takes nothing: what waited for the agent alone is still sent.
        """
        now_s = self._clock.now_s()
        expired = await self._store.expire(self._name, now_s - self._give_up_after_s)
        self._expire_due_s = now_s + _EXPIRE_EVERY_S
        if expired:
            _LOG.error("%d events waited too long for the sink %s and were put aside", expired, self._name)
            self._metrics.sink_dead(self._name, expired)

    async def _rest(self, due_s: float | None) -> None:
        # What was stored since the last look has set `wake` again.
        if not self._wake.is_set() and (due_s is None or self._teller is not None):
            self._idle.set()
        wait_s = None
        if due_s is not None:
            wait_s = min(max(due_s - self._clock.now_s(), _SHORTEST_REST_S), _LONGEST_REST_S)
        await self._clock.wait(self._wake, wait_s)

    async def _deliver(self, following: NextBatch) -> None:
        batch = following.events
        try:
            await self._attempt(batch)
        except PartialError as error:
            await self._partly(batch, error)
        except PermanentError as error:
            await self._refused(batch, error)
        except (TransientError, DisabledError) as error:
            await self._postpone(_ids(batch), error)
        else:
            await self._taken(_ids(batch), following.groups)
            self._well()

    async def _attempt(self, batch: Sequence[PendingEvent]) -> None:
        self._metrics.sink_attempt(self._name)
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
        Put aside what is refused for good: one event, or one message; of several events, find out which it is.
        """
        if len(batch) == 1 or self._teller is not None:
            await self._bury(_ids(batch), error)
            self._well()
            return
        for event in batch:
            await self._deliver(NextBatch(events=[event]))
            if self.health.why is not None:
                # Those after it may have the same key; they come with the next batch.
                return

    async def _partly(self, batch: Sequence[PendingEvent], error: PartialError) -> None:
        taken = _ids(batch, without=error.failures)
        await self._taken(taken)
        if taken:
            # One event that fails for ever must not close the sink to all others.
            self._breaker.taken()
        later: dict[str, TransientError] = {}
        for event_id, failure in error.failures.items():
            if isinstance(failure, PermanentError):
                await self._bury([event_id], failure)
            else:
                later[event_id] = failure
        if later:
            await self._postpone(list(later), max(later.values(), key=lambda failure: failure.retry_after_s or 0.0))
        else:
            self._well()

    async def _taken(self, ids: Sequence[str], groups: Sequence[str] = ()) -> None:
        told = None
        if groups and self._teller is not None:
            now_s = self._clock.now_s()
            told = Told(
                groups=self._teller.told(groups, now_s),
                forget_before_s=self._teller.forget_before_s(now_s),
            )
        if ids:
            await self._surely(partial(self._store.delivered, self._name, ids, told))
            self._metrics.sink_sent(self._name, len(ids))

    async def _bury(self, ids: Sequence[str], error: PermanentError) -> None:
        self._metrics.sink_failed(self._name, error.reason)
        for event_id in ids:
            _LOG.error("sink %s will never take event %s: %s", self._name, event_id, error)
            bury = partial(self._store.dead, self._name, event_id, error.reason.value, error.detail)
            await self._surely(bury)
        self._metrics.sink_dead(self._name, len(ids))

    async def _postpone(self, ids: Sequence[str], error: TransientError | DisabledError) -> None:
        wait_s = self._breaker.failed(error)
        if self._teller is not None:
            wait_s = max(wait_s, BETWEEN_MESSAGES_S)
        self._ill(error)
        retry_at_s = self._clock.now_s() + wait_s
        await self._surely(partial(self._store.failed, self._name, ids, retry_at_s, error.reason.value, error.detail))
        self._metrics.sink_failed(self._name, error.reason)
        self._metrics.sink_depth(self._name, self._store.depth(self._name))
        self._retry.clear()
        await self._clock.wait(self._retry, wait_s)
        self._breaker.waited()
        self.health.circuit = self._breaker.circuit

    async def _surely(self, call: Callable[[], Awaitable[_Result]]) -> _Result:
        """
        Ask the store until it answers: what was sent and is not noted would be sent again and again.
        """
        failed = False
        while True:
            try:
                result = await call()
            except StoreUnavailableError as error:
                if not failed:
                    _LOG.error("sink %s waits for the store: %s", self._name, error)
                failed = True
                await self._clock.wait(self._never, _STORE_RETRY_S)
            else:
                return result

    def _well(self) -> None:
        if self.health.why is not None:
            _LOG.info("sink %s takes events again", self._name)
        self._breaker.taken()
        self.health.circuit, self.health.why = self._breaker.circuit, None
        self._metrics.sink_up(self._name, up=True)

    def _ill(self, error: SinkError) -> None:
        circuit = self._breaker.circuit
        if self.health.why != str(error):
            _LOG.warning("sink %s does not take events (circuit %s): %s", self._name, circuit.value, error)
        self.health.circuit, self.health.why = circuit, str(error)
        self._metrics.sink_up(self._name, up=False)


def _ids(batch: Sequence[PendingEvent], without: Collection[str] = ()) -> list[str]:
    return [event.outgoing.id for event in batch if event.outgoing.id not in without]

"""
Delivers pending events to one sink: order, retries, expiry, and what to do about each kind of failure.

An event is delivered when the sink has accepted it and the store has recorded that. A crash in between sends it twice.
Couriers share nothing but the store: a sink that is down neither delays nor duplicates the events of another.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import Final

from collector.delivery.breaker import Breaker, SinkHealth
from collector.delivery.clock import Clock, WallClock
from collector.delivery.next_batch import NextBatch, next_batch, next_message
from collector.delivery.notification_groups import BETWEEN_MESSAGES_S, NotificationPlanner
from collector.delivery.repetition import Repetition
from collector.delivery.store_calls import until_stored
from collector.host.fault_log import FaultLog
from collector.metrics import Metrics
from collector.store import NotificationLog, PendingEvent, Store
from sinks.base import Grouping, Sink, SinkConfig
from sinks.errors import DisabledError, PartialError, PermanentError, Reason, SinkError, TransientError

# The largest batch, even if a sink allows more: these events come twice if the agent dies at the wrong moment.
_BATCH: Final = 500
# A last resort against a sink that hangs; sinks have shorter timeouts of their own.
_ATTEMPT_S: Final = 60.0
_CLOSE_S: Final = 10.0
# Limits of the wait for work: it must not spin, and it must notice when somebody sets the wall clock.
_SHORTEST_IDLE_S: Final = 0.05
_LONGEST_IDLE_S: Final = 60.0
_EXPIRE_EVERY_S: Final = 60.0
_LOG: Final = logging.getLogger(__name__)


class Courier:
    """
    Delivers to one sink.

    Args:
        config: the configuration of the sink.
        sink: the sink.
        store: where events are pending.
        metrics: the table of metrics.
        clock: the time; a test passes its own.
        rng: the source of jitter.

    Attributes:
        health: whether the sink works, and why not.
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
        self._log = logging.LoggerAdapter(_LOG, {"sink": config.name})
        self._faults = FaultLog(self._log)
        self._give_up_after_s = config.give_up_after_s
        self._grouping: Grouping | None = getattr(config, "grouping", None)
        self._sink = sink
        self._store = store
        self._metrics = metrics
        metrics.sink_circuit.set_state(config.name, state=self.health.circuit)
        self._clock = clock or WallClock()
        self._repetition = Repetition(sink)
        self._breaker = Breaker(rng or random.Random())  # noqa: S311 (jitter, not a secret)
        self._planner: NotificationPlanner | None = None
        self._wake, self._idle, self._retry = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._is_open = False
        self._expire_due_s = 0.0

    def wake(self) -> None:
        """
        Look for pending events now, because something was stored.
        """
        self._wake.set()

    def retry(self) -> None:
        """
        Retry now and skip the back-off, because an operator asked for it.
        """
        self._retry.set()
        self._wake.set()

    async def drain(self, deadline_s: float) -> bool:
        """
        Wait until everything that may be sent now is delivered, at most for `deadline_s`. Return whether it is.
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
                notified_s = await until_stored(
                    partial(self._store.last_notified_s, self._name), self._name, self._clock
                )
                self._planner = NotificationPlanner(self._grouping, notified_s)
            while True:
                self._wake.clear()
                await self._work()
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await self._sink.aclose()

    async def _work(self) -> None:
        """
        Deliver the next batch, or wait for one.
        """
        if self.health.why is not None and self._clock.now_s() >= self._expire_due_s:
            await until_stored(self._expire, self._name, self._clock)
        if self._repetition.is_due(self._clock.now_s()):
            await self._repeat()
        batch = await until_stored(self._next_batch, self._name, self._clock)
        if batch.events:
            self._idle.clear()
            await self._deliver(batch)
            self._metrics.sink_depth.set(self._name, to=self._store.depth(self._name))
        else:
            await self._wait_for_work(batch.due_s)

    async def _next_batch(self) -> NextBatch:
        limit, now_s = min(_BATCH, self._sink.max_batch), self._clock.now_s()
        if self._planner is None:
            return await next_batch(self._store, self._name, limit, now_s, probing=self._breaker.probing)
        return await next_message(self._store, self._name, limit, now_s, self._planner)

    async def _expire(self) -> None:
        """
        Dead-letter events that are too old. Called only while the sink fails: events that are old because the agent was
        stopped are still sent.
        """
        now_s = self._clock.now_s()
        expired = await self._store.expire(self._name, now_s - self._give_up_after_s)
        self._expire_due_s = now_s + _EXPIRE_EVERY_S
        if expired:
            self._log.error("sink %s: %d events expired and were dead-lettered", self._name, expired)
            self._metrics.sink_dead.add(self._name, count=expired)

    async def _wait_for_work(self, due_s: float | None) -> None:
        # If something was stored since the last query, `wake` is set again, and the courier is not idle.
        if not self._wake.is_set() and (due_s is None or self._planner is not None):
            self._idle.set()
        due_s = self._repetition.earlier_s(due_s)
        wait_s = due_s if due_s is None else min(max(due_s - self._clock.now_s(), _SHORTEST_IDLE_S), _LONGEST_IDLE_S)
        await self._clock.wait(self._wake, wait_s)

    async def _repeat(self) -> None:
        """
        Have the sink repeat what still holds; after a failure the next time.
        """
        try:
            await self._guarded(partial(self._repetition.repeat, self._clock.now_s()))
        except SinkError as error:
            self._log.warning("sink %s cannot repeat what still holds: %s", self._name, error)

    async def _deliver(self, batch: NextBatch) -> None:
        events = batch.events
        try:
            self._metrics.sink_attempts.add(self._name)
            await self._guarded(partial(self._sink.send, [event.outgoing for event in events]))
        except PartialError as error:
            await self._handle_partial(events, error)
        except PermanentError as error:
            await self._handle_refusal(events, error)
        except (TransientError, DisabledError) as error:
            await self._back_off(_ids(events), error)
        else:
            await self._record_delivery(_ids(events), batch.groups)
            self._mark_up()

    async def _guarded(self, send: Callable[[], Awaitable[None]]) -> None:
        try:
            async with asyncio.timeout(_ATTEMPT_S):
                if not self._is_open:
                    await self._sink.open()
                    self._is_open = True
                await send()
            self._repetition.sent(self._clock.now_s())
        except TimeoutError as error:
            self._is_open = False
            raise TransientError(Reason.TIMEOUT, f"not done in {_ATTEMPT_S:.0f} s") from error
        except (TransientError, DisabledError):
            self._is_open = False
            raise
        except (PartialError, PermanentError):
            raise
        except Exception as error:
            self._faults.log(f"sink {self._name}: unexpected error", error)
            self._is_open = False
            raise TransientError(Reason.IO_ERROR, f"internal error: {type(error).__name__}") from error

    async def _handle_refusal(self, events: Sequence[PendingEvent], error: PermanentError) -> None:
        """
        Dead-letter one refused event, or one refused message. Send several events one by one to find the refused ones.
        """
        if len(events) == 1 or self._planner is not None:
            await self._dead_letter(_ids(events), error)
            self._mark_up()
            return
        for event in events:
            await self._deliver(NextBatch(events=[event]))
            if self.health.why is not None:
                # Later events may have the same key and must keep their order: they come with the next batch.
                return

    async def _handle_partial(self, events: Sequence[PendingEvent], error: PartialError) -> None:
        delivered = _ids(events, without=error.failures)
        await self._record_delivery(delivered)
        if delivered:
            # One event that always fails must not open the circuit for all others.
            self._breaker.succeeded()
        retryable: dict[str, TransientError] = {}
        for event_id, failure in error.failures.items():
            if isinstance(failure, PermanentError):
                await self._dead_letter([event_id], failure)
            else:
                retryable[event_id] = failure
        if retryable:
            longest = max(retryable.values(), key=lambda failure: failure.retry_after_s or 0.0)
            await self._back_off(list(retryable), longest)
        else:
            self._mark_up()

    async def _record_delivery(self, ids: Sequence[str], groups: Sequence[str] = ()) -> None:
        """
        Record a delivery: a message to people at once, others with the store's next transaction.
        """
        record = partial(self._store.note_delivered, self._name, ids)
        if groups and self._planner is not None:
            forget_s = self._planner.forget_before_s(now_s := self._clock.now_s())
            notified = NotificationLog(groups=self._planner.record(groups, now_s), forget_before_s=forget_s)
            record = partial(self._store.mark_delivered, self._name, ids, notified)
        if ids:
            await until_stored(record, self._name, self._clock)
            self._metrics.sink_sent.add(self._name, count=len(ids))

    async def _dead_letter(self, ids: Sequence[str], error: PermanentError) -> None:
        self._metrics.sink_errors.add(self._name, error.reason.value)
        for event_id in ids:
            self._log.error("sink %s: event %s was refused and dead-lettered: %s", self._name, event_id, error)
            dead = partial(self._store.dead_letter, self._name, event_id, error.reason.value, error.detail)
            await until_stored(dead, self._name, self._clock)
        self._metrics.sink_dead.add(self._name, count=len(ids))

    async def _back_off(self, ids: Sequence[str], error: TransientError | DisabledError) -> None:
        """
        Delay the events that failed, and leave the sink alone for a while.
        """
        wait_s = self._breaker.failed(error)
        if self._planner is not None:
            wait_s = max(wait_s, BETWEEN_MESSAGES_S)
        self._mark_down(error)
        at_s = self._clock.now_s() + wait_s
        call = partial(self._store.mark_failed, self._name, ids, at_s, error.reason.value, error.detail)
        await until_stored(call, self._name, self._clock)
        self._metrics.sink_errors.add(self._name, error.reason.value)
        self._metrics.sink_depth.set(self._name, to=self._store.depth(self._name))
        self._retry.clear()
        await self._clock.wait(self._retry, wait_s)
        self._breaker.wait_ended()
        self.health.circuit = self._breaker.circuit

    def _mark_up(self) -> None:
        if self.health.why is not None:
            self._log.info("sink %s accepts events again", self._name)
        self._breaker.succeeded()
        self.health.circuit, self.health.why = self._breaker.circuit, None
        self._metrics.sink_up.set(self._name, to=1)

    def _mark_down(self, error: SinkError) -> None:
        circuit = self._breaker.circuit
        if self.health.why != str(error):
            self._log.warning("sink %s does not accept events (circuit %s): %s", self._name, circuit.value, error)
        self.health.circuit, self.health.why = circuit, str(error)
        self._metrics.sink_up.set(self._name, to=0)


def _ids(events: Sequence[PendingEvent], without: Collection[str] = ()) -> list[str]:
    return [event.outgoing.id for event in events if event.outgoing.id not in without]

"""
How long a failing sink is left alone, and how it is tried again.
"""

import asyncio
from collections.abc import Sequence

from collector.delivery import Circuit, Courier
from collector.metrics import Metrics
from collector.store import Store
from sinks.base import Outgoing, SinkConfig
from sinks.errors import PartialError, Reason, TransientError
from tests.unit.collector.delivery.scripted import (
    BUSY,
    GONE,
    FakeClock,
    Highest,
    ScriptedSink,
    deliver,
    running,
    stored,
    until,
)


async def test_the_wait_doubles_after_each_failure(store: Store, metrics: Metrics) -> None:
    """
    The longest wait doubles with each failure, and the sink is opened again for each attempt.
    """
    sink = ScriptedSink(BUSY, BUSY, BUSY)
    clock = await deliver(store, metrics, sink, "1", "2")
    assert sink.accepted == ["1", "2"]
    assert clock.waits == [1, 2, 4]
    assert sink.opened == 4


async def test_the_longest_wait_is_a_minute(store: Store, metrics: Metrics) -> None:
    """
    No wait is longer than a minute, however long a sink has been failing.
    """
    clock = await deliver(store, metrics, ScriptedSink(*[BUSY] * 10), "1")
    assert max(clock.waits) == 60


async def test_a_wait_that_the_sink_asks_for_is_respected(store: Store, metrics: Metrics) -> None:
    """
    Retry-After replaces the wait of the circuit breaker.
    """
    later = TransientError(Reason.RATE_LIMITED, "later", retry_after_s=17)
    clock = await deliver(store, metrics, ScriptedSink(later), "1")
    assert clock.waits == [17]


async def test_one_failing_event_does_not_open_the_circuit(store: Store, metrics: Metrics) -> None:
    """
    An event that failed in an otherwise accepted batch is retried soon, however often it fails.
    """
    sink = ScriptedSink(*[PartialError({"1": BUSY})] * 20)
    await store.commit([stored(str(number), "a", key=str(number)) for number in range(1, 41)], {})
    sink.max_batch = 2
    clock = FakeClock()
    async with running(store, metrics, sink, clock=clock) as courier:
        assert await courier.drain(5)
    assert max(clock.waits) == 1
    assert sorted(sink.accepted, key=int) == [str(number) for number in range(1, 41)]


async def test_an_operator_can_skip_the_wait(store: Store, metrics: Metrics) -> None:
    """
    `exit137 spool requeue` ends the wait of a sink that would be left alone for minutes.
    """
    sink = ScriptedSink(GONE)
    await store.commit([stored("1", "a")], {})
    config = SinkConfig(name="a", type="scripted")
    courier = Courier(config, sink, store=store, metrics=metrics, rng=Highest())
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(courier.run())
        await until(lambda: courier.health.circuit is Circuit.DISABLED)
        await store.mark_failed("a", ["1"], 0, "no_such_target", "gone")
        courier.retry()
        assert await courier.drain(5)
        task.cancel()
    assert sink.accepted == ["1"]


async def test_no_sink_can_ask_for_more_than_an_hour(store: Store, metrics: Metrics) -> None:
    """
    Whatever the answer says, the sink is tried again after an hour.
    """
    much_later = TransientError(Reason.RATE_LIMITED, "later", retry_after_s=1e6)
    clock = await deliver(store, metrics, ScriptedSink(much_later), "1")
    assert clock.waits == [3600]


async def test_of_several_waits_in_a_batch_the_longest_is_respected(store: Store, metrics: Metrics) -> None:
    """
    The longest wait counts, whichever event's answer asked for it.
    """
    later = TransientError(Reason.RATE_LIMITED, "later", retry_after_s=17)
    clock = await deliver(store, metrics, ScriptedSink(PartialError({"1": later, "2": BUSY})), "1", "2", "3")
    assert clock.waits == [17]


async def test_a_disabled_sink_is_tried_after_five_minutes(store: Store, metrics: Metrics) -> None:
    """
    The events of a disabled sink stay pending.
    """
    sink = ScriptedSink(GONE)
    clock = await deliver(store, metrics, sink, "1")
    assert clock.waits == [300]
    assert sink.accepted == ["1"]


async def test_an_open_circuit_tries_one_event(store: Store, metrics: Metrics) -> None:
    """
    After five failures one event is tried. When it is accepted, the others follow in one batch.
    """
    sink = ScriptedSink(*[BUSY] * 5)
    await deliver(store, metrics, sink, "1", "2", "3")
    assert sink.sizes == [3, 3, 3, 3, 3, 1, 2]


async def test_health_shows_the_circuit_and_the_last_failure(store: Store, metrics: Metrics) -> None:
    """
    The last failure is shown until the sink accepts an event.
    """
    seen: list[tuple[Circuit, str | None]] = []

    class WatchedSink(ScriptedSink):
        async def send(self, batch: Sequence[Outgoing]) -> None:
            seen.append((courier.health.circuit, courier.health.why))
            await super().send(batch)

    await store.commit([stored("1", "a")], {})
    async with running(store, metrics, WatchedSink(*[BUSY] * 5)) as courier:
        assert await courier.drain(5)
        seen.append((courier.health.circuit, courier.health.why))
    assert seen == [
        (Circuit.CLOSED, None),
        *[(Circuit.CLOSED, str(BUSY))] * 4,
        (Circuit.HALF_OPEN, str(BUSY)),
        (Circuit.CLOSED, None),
    ]

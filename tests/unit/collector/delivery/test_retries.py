"""
How long a sink that takes nothing is left alone, and how it is tried again.
"""

import asyncio
from collections.abc import Sequence

from collector.delivery import Courier
from collector.metrics import Circuit, Metrics
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


async def test_a_failure_that_may_pass_is_waited_out(store: Store, metrics: Metrics) -> None:
    """
    Each wait is up to twice as long as the one before; the sink is opened anew for each attempt.
    """
    sink = ScriptedSink(BUSY, BUSY, BUSY)
    clock = await deliver(store, metrics, sink, "1", "2")
    assert sink.taken == ["1", "2"]
    assert clock.waits == [1, 2, 4]
    assert sink.opened == 4


async def test_the_longest_wait_is_a_minute(store: Store, metrics: Metrics) -> None:
    """
    However long a sink has been failing.
    """
    clock = await deliver(store, metrics, ScriptedSink(*[BUSY] * 10), "1")
    assert max(clock.waits) == 60


async def test_a_time_that_the_sink_names_is_kept(store: Store, metrics: Metrics) -> None:
    """
    Retry-After goes before our own wait.
    """
    later = TransientError(Reason.RATE_LIMITED, "later", retry_after_s=17)
    clock = await deliver(store, metrics, ScriptedSink(later), "1")
    assert clock.waits == [17]


async def test_a_sink_that_takes_others_is_not_closed_for_one(store: Store, metrics: Metrics) -> None:
    """
    What a batch left behind is tried again soon, however often.
    """
    sink = ScriptedSink(*[PartialError({"1": BUSY})] * 20)
    await store.commit([stored(str(number), "a", key=str(number)) for number in range(1, 41)], {})
    sink.max_batch = 2
    clock = FakeClock()
    async with running(store, metrics, sink, clock=clock) as courier:
        assert await courier.drain(5)
    assert max(clock.waits) == 1
    assert sorted(sink.taken, key=int) == [str(number) for number in range(1, 41)]


async def test_a_person_can_have_it_tried_at_once(store: Store, metrics: Metrics) -> None:
    """
    `exit137 spool requeue` ends the wait of a sink that was to be left alone for minutes.
    """
    sink = ScriptedSink(GONE)
    await store.commit([stored("1", "a")], {})
    config = SinkConfig(name="a", type="scripted")
    courier = Courier(config, sink, store=store, metrics=metrics, rng=Highest())
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(courier.run())
        await until(lambda: courier.health.circuit is Circuit.DISABLED)
        await store.failed("a", ["1"], 0, "no_such_target", "gone")
        courier.retry()
        assert await courier.drain(5)
        task.cancel()
    assert sink.taken == ["1"]


async def test_a_sink_that_asks_for_days_is_asked_again_after_an_hour(store: Store, metrics: Metrics) -> None:
    """
    Whatever a sink reads in an answer, nobody is left alone for longer.
    """
    much_later = TransientError(Reason.RATE_LIMITED, "later", retry_after_s=1e6)
    clock = await deliver(store, metrics, ScriptedSink(much_later), "1")
    assert clock.waits == [3600]


async def test_of_a_batch_the_longest_wait_that_was_asked_for_is_kept(store: Store, metrics: Metrics) -> None:
    """
    Whichever event's answer named it.
    """
    later = TransientError(Reason.RATE_LIMITED, "later", retry_after_s=17)
    clock = await deliver(store, metrics, ScriptedSink(PartialError({"1": later, "2": BUSY})), "1", "2", "3")
    assert clock.waits == [17]


async def test_a_sink_that_asked_for_silence_is_asked_again_after_five_minutes(store: Store, metrics: Metrics) -> None:
    """
    Its events are kept meanwhile.
    """
    sink = ScriptedSink(GONE)
    clock = await deliver(store, metrics, sink, "1")
    assert clock.waits == [300]
    assert sink.taken == ["1"]


async def test_an_open_circuit_is_tried_with_one_event(store: Store, metrics: Metrics) -> None:
    """
    After five failures; when that one is taken, the rest follow together.
    """
    sink = ScriptedSink(*[BUSY] * 5)
    await deliver(store, metrics, sink, "1", "2", "3")
    assert sink.sizes == [3, 3, 3, 3, 3, 1, 2]


async def test_the_circuit_can_be_seen(store: Store, metrics: Metrics) -> None:
    """
    With the words of the last failure, while it lasts.
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

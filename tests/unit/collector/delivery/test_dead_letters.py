"""
An event that a sink does not accept is dead-lettered in the end, and never blocks the others.
"""

import time
from collections.abc import Sequence

from collector.metrics import Metrics
from collector.store import Store
from sinks.base import Outgoing
from sinks.errors import PartialError
from tests.unit.collector.delivery.scripted import BAD, BUSY, FakeClock, ScriptedSink, deliver, running, stored, until


async def test_a_poison_event_does_not_block_the_others(store: Store, metrics: Metrics) -> None:
    """
    The events of a refused batch are sent one by one, and only an event that is refused alone is dead-lettered.
    """
    sink = ScriptedSink(poison=["2"])
    await deliver(store, metrics, sink, "1", "2", "3")
    assert sink.accepted == ["1", "3"]
    assert metrics.value("exit137_sink_dead", "a") == 1


async def test_after_a_partial_failure_only_the_failed_events_are_retried(store: Store, metrics: Metrics) -> None:
    """
    Each event is treated by its own failure: it is retried, or dead-lettered.
    """
    sink = ScriptedSink(PartialError({"2": BUSY, "3": BAD}))
    await deliver(store, metrics, sink, "1", "2", "3")
    assert sink.accepted == ["1", "2"]
    assert metrics.value("exit137_sink_dead", "a") == 1


async def test_an_event_that_always_fails_does_not_block_the_others(store: Store, metrics: Metrics) -> None:
    """
    Even an open circuit, which tries one event at a time, then tries another event.
    """

    class Choking(ScriptedSink):
        async def send(self, batch: Sequence[Outgoing]) -> None:
            if any(event.id == "1" for event in batch):
                raise BUSY
            await super().send(batch)

    sink = Choking()
    events = [stored(str(number), "a", key=f"k{number % 3}") for number in range(1, 10)]
    await store.commit(events, {})
    async with running(store, metrics, sink) as courier:
        await until(lambda: store.depth("a") == 3)
        assert not await courier.drain(0.05)
    assert sink.accepted == ["2", "3", "5", "6", "8", "9"]


async def test_an_event_that_is_pending_for_too_long_expires(store: Store, metrics: Metrics) -> None:
    """
    It is dead-lettered with the last failure.
    """
    clock = FakeClock()
    clock.time_s = time.time()
    await store.commit([stored("1", "a")], {})
    sink = ScriptedSink(*[BUSY] * 100)
    async with running(store, metrics, sink, clock=clock, give_up_after_s=600) as courier:
        assert await courier.drain(5)
    assert sink.accepted == []
    assert metrics.value("exit137_sink_dead", "a") == 1
    assert clock.time_s - time.time() < 700


async def test_an_event_does_not_expire_while_the_agent_is_stopped(store: Store, metrics: Metrics) -> None:
    """
    After a stop of weeks, or a correction of the clock, a sink that accepts events still receives old ones.
    """
    sink = ScriptedSink()
    clock = FakeClock()
    clock.time_s = time.time() + 10 * 604_800
    await store.commit([stored("1", "a")], {})
    async with running(store, metrics, sink, clock=clock) as courier:
        assert await courier.drain(5)
    assert sink.accepted == ["1"]

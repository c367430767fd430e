"""
An event that a sink does not take, while it takes others: put aside in the end, and never in the way.
"""

import time
from collections.abc import Sequence

from collector.metrics import Metrics
from collector.store import Store
from sinks.base import Outgoing
from sinks.errors import PartialError
from tests.unit.collector.delivery.scripted import BAD, BUSY, FakeClock, ScriptedSink, deliver, running, stored, until


async def test_a_poison_event_does_not_block_the_rest(store: Store, metrics: Metrics) -> None:
    """
    A batch that is refused for good is sent one by one; only the one that is refused alone is put aside.
    """
    sink = ScriptedSink(poison=["2"])
    await deliver(store, metrics, sink, "1", "2", "3")
    assert sink.taken == ["1", "3"]
    assert metrics.value("exit137_sink_dead", "a") == 1


async def test_of_a_batch_that_failed_in_part_only_the_failed_are_sent_again(store: Store, metrics: Metrics) -> None:
    """
    Each by its own failure: again later, or never.
    """
    sink = ScriptedSink(PartialError({"2": BUSY, "3": BAD}))
    await deliver(store, metrics, sink, "1", "2", "3")
    assert sink.taken == ["1", "2"]
    assert metrics.value("exit137_sink_dead", "a") == 1


async def test_an_event_that_always_fails_does_not_block_the_rest(store: Store, metrics: Metrics) -> None:
    """
    Not even with an open circuit, which tries one event: then it is another's turn.
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
    assert sink.taken == ["2", "3", "5", "6", "8", "9"]


async def test_an_event_that_waits_too_long_is_put_aside(store: Store, metrics: Metrics) -> None:
    """
    With the last failure; those that came later are still tried.
    """
    clock = FakeClock()
    clock.time_s = time.time()
    await store.commit([stored("1", "a")], {})
    sink = ScriptedSink(*[BUSY] * 100)
    async with running(store, metrics, sink, clock=clock, give_up_after_s=600) as courier:
        assert await courier.drain(5)
    assert sink.taken == []
    assert metrics.value("exit137_sink_dead", "a") == 1
    assert clock.time_s - time.time() < 700


async def test_what_waited_for_the_agent_alone_is_sent(store: Store, metrics: Metrics) -> None:
    """
    An agent that was away for weeks, or a clock that was put right, makes no event too old for a sink that takes it.
    """
    sink = ScriptedSink()
    clock = FakeClock()
    clock.time_s = time.time() + 10 * 604_800
    await store.commit([stored("1", "a")], {})
    async with running(store, metrics, sink, clock=clock) as courier:
        assert await courier.drain(5)
    assert sink.taken == ["1"]

"""
What waits for a sink is brought to it: in order, once, whatever its neighbours or the store do.
"""

from pathlib import Path
from typing import Any

import pytest

from collector.metrics import Metrics
from collector.store import Store, StoreUnavailableError
from tests.unit.collector.delivery.scripted import HangingSink, ScriptedSink, deliver, running, stored


async def test_events_are_delivered_in_order_and_once(store: Store, metrics: Metrics) -> None:
    """
    What a sink has taken waits no more; the sink is closed at the end.
    """
    sink = ScriptedSink()
    await deliver(store, metrics, sink, "1", "2", "3")
    assert sink.taken == ["1", "2", "3"]
    assert store.depth("a") == 0
    assert metrics.value("exit137_sink_sent", "a") == 3
    assert sink.closed


async def test_an_error_that_nobody_foresaw_is_tried_again(store: Store, metrics: Metrics) -> None:
    """
    A fault in one sink must not end the agent.
    """
    sink = ScriptedSink(RuntimeError("a fault"))
    await deliver(store, metrics, sink, "1")
    assert sink.taken == ["1"]


async def test_a_hanging_sink_does_not_delay_another(store: Store, metrics: Metrics) -> None:
    """
    Each has a task of its own; a drain ends at its deadline and says that not all is delivered.
    """
    alive, hanging = ScriptedSink(), HangingSink()
    await store.commit([stored("1", "alive", "hanging")], {})
    async with (
        running(store, metrics, alive, name="alive") as one,
        running(store, metrics, hanging, name="hanging") as other,
    ):
        assert not await other.drain(0.2)
        assert await one.drain(5)
    assert alive.taken == ["1"]
    assert store.depth("hanging") == 1


async def test_what_is_stored_later_is_delivered_when_woken(store: Store, metrics: Metrics) -> None:
    """
    The task sleeps until it is told.
    """
    sink = ScriptedSink()
    async with running(store, metrics, sink) as courier:
        assert await courier.drain(5)
        await store.commit([stored("1", "a")], {})
        courier.wake()
        assert await courier.drain(5)
    assert sink.taken == ["1"]


async def test_a_store_that_fails_is_asked_again(
    store: Store, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    What was sent and could not be noted is not sent a second time.
    """
    refusals = [StoreUnavailableError(Path("s.db"), "disk full")] * 3
    delivered = store.delivered

    async def failing(*args: Any) -> None:  # noqa: ANN401 (passed on)
        if refusals:
            raise refusals.pop()
        await delivered(*args)

    monkeypatch.setattr(store, "delivered", failing)
    sink = ScriptedSink()
    clock = await deliver(store, metrics, sink, "1")
    assert sink.taken == ["1"]
    assert clock.waits == [1, 1, 1]

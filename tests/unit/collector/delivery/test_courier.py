"""
Pending events are delivered in order and once, whatever other sinks or the store do.
"""

from pathlib import Path
from typing import Any

import pytest

from collector.metrics import Metrics
from collector.store import Store, StoreUnavailableError
from tests.unit.collector.delivery.scripted import BUSY, HangingSink, ScriptedSink, deliver, running, stored


async def test_events_are_delivered_in_order_and_once(store: Store, metrics: Metrics) -> None:
    """
    A delivered event is no longer pending, and the sink is closed at the end.
    """
    sink = ScriptedSink()
    await deliver(store, metrics, sink, "1", "2", "3")
    assert sink.accepted == ["1", "2", "3"]
    assert store.depth("a") == 0
    assert metrics.value("exit137_sink_sent", "a") == 3
    assert sink.closed


async def test_an_unexpected_error_is_retried(store: Store, metrics: Metrics) -> None:
    """
    A bug in one sink must not end the agent.
    """
    sink = ScriptedSink(RuntimeError("a fault"))
    await deliver(store, metrics, sink, "1")
    assert sink.accepted == ["1"]


async def test_a_log_record_of_a_courier_names_its_sink(
    store: Store, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    """
    `journalctl EXIT137_SINK=a` shows everything about one sink.
    """
    await deliver(store, metrics, ScriptedSink(BUSY), "1")
    assert [record.__dict__.get("sink") for record in caplog.records] == ["a"]


async def test_a_hanging_sink_does_not_delay_another(store: Store, metrics: Metrics) -> None:
    """
    Each sink has its own task. A drain ends at its deadline and reports that not everything was delivered.
    """
    alive, hanging = ScriptedSink(), HangingSink()
    await store.commit([stored("1", "alive", "hanging")], {})
    async with (
        running(store, metrics, alive, name="alive") as one,
        running(store, metrics, hanging, name="hanging") as other,
    ):
        assert not await other.drain(0.2)
        assert await one.drain(5)
    assert alive.accepted == ["1"]
    assert store.depth("hanging") == 1


async def test_wake_delivers_events_that_were_stored_later(store: Store, metrics: Metrics) -> None:
    """
    An idle courier sleeps until it is woken.
    """
    sink = ScriptedSink()
    async with running(store, metrics, sink) as courier:
        assert await courier.drain(5)
        await store.commit([stored("1", "a")], {})
        courier.wake()
        assert await courier.drain(5)
    assert sink.accepted == ["1"]


async def test_a_failing_store_is_retried(store: Store, metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    An event whose delivery could not be recorded is not sent a second time.
    """
    refusals = [StoreUnavailableError(Path("s.db"), "disk full")] * 3
    note_delivered = store.note_delivered

    async def failing(*args: Any) -> None:  # noqa: ANN401 (passed on)
        if refusals:
            raise refusals.pop()
        await note_delivered(*args)

    monkeypatch.setattr(store, "note_delivered", failing)
    sink = ScriptedSink()
    clock = await deliver(store, metrics, sink, "1")
    assert sink.accepted == ["1"]
    assert clock.waits == [1, 1, 1]

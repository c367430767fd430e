"""
How the agent says that it is.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from collector.correlate.correlator import Correlator
from collector.health import Health
from collector.hostclock import identify
from collector.intake import Intake
from collector.metrics import Metrics
from collector.running import RunningSinks, RunningSources
from collector.store import Store, StoredEvent
from sinks.file import FileConfig

NOON_S = 1_790_000_000.0


class Parts:
    """
    The parts of an agent whose intake has a clock of its own.
    """

    def __init__(self, store: Store, tasks: asyncio.TaskGroup) -> None:
        self.now_ns = 0
        self.metrics = Metrics()
        self.sinks = RunningSinks(store, self.metrics, tasks)
        host = identify()
        correlator = Correlator(host.published(), host.booted_ns)
        self.intake = Intake(
            correlator, store, (), metrics=self.metrics, stored=self.sinks.wake, clock_ns=lambda: self.now_ns
        )
        sources = RunningSources(host, self.intake.put, store.positions, tasks)
        self.health = Health(
            self.metrics, store, intake=self.intake, sources=sources, sinks=self.sinks, wall_s=lambda: NOON_S
        )


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "s.db")
    yield store
    await store.aclose()


@asynccontextmanager
async def broken_sink(store: Store, folder: Path) -> AsyncIterator[Parts]:
    """
    An agent with one event for a sink that cannot take it.
    """
    (folder / "file").touch()
    body = b'{"id":"1","time":"2026-09-21T14:12:20.000000Z"}'
    event = StoredEvent(id="1", type="t", subject="a", key="a", time_ns=1, container_id=None, body=body, sinks=("a",))
    async with asyncio.TaskGroup() as tasks:
        parts = Parts(store, tasks)
        await parts.sinks.apply([FileConfig(name="a", type="file", path=str(folder / "file/events.jsonl"))])
        await store.commit([event], {})
        assert not await parts.sinks.drain(0.2)
        yield parts
        await parts.sinks.end()


async def test_the_age_of_what_waits_is_that_of_its_event(store: Store, tmp_path: Path) -> None:
    """
    Also while it must not be sent yet; one failure does not open the circuit.
    """
    async with broken_sink(store, tmp_path) as parts:
        await parts.health.look()
    value = parts.metrics.value
    assert value("exit137_sink_oldest_seconds", "a") == 60
    assert value("exit137_sink_depth", "a") == 1
    assert value("exit137_sink_up", "a") == 0
    assert value("exit137_sink_circuit", "a", "closed") == 1
    resident = value("exit137_resident_memory_bytes")
    assert resident is not None
    assert resident > 1_000_000


async def test_a_store_that_takes_nothing_makes_the_agent_unready(store: Store, tmp_path: Path) -> None:
    """
    Evidence waits or is dropped: somebody should look.
    """
    async with broken_sink(store, tmp_path) as parts:
        parts.health.ready = True
        parts.intake._overflow.room.clear()
        ready, reasons = parts.health.readiness()
        await parts.health.look()
    assert not ready
    assert "store" in reasons[0]
    assert parts.metrics.value("exit137_store_up") == 0


async def test_a_sink_that_is_down_is_told_and_leaves_the_agent_ready(store: Store, tmp_path: Path) -> None:
    """
    Its events wait; to restart the agent would help nobody.
    """
    async with broken_sink(store, tmp_path) as parts:
        parts.health.ready = True
        ready, reasons = parts.health.readiness()
    assert ready
    assert [reason.split(":")[0] for reason in reasons] == ["sink a does not take events (circuit closed)"]


async def test_an_intake_that_stands_still_is_an_ailment(store: Store) -> None:
    """
    It looks around every few seconds, whether or not there is anything to do.
    """
    async with asyncio.TaskGroup() as tasks:
        parts = Parts(store, tasks)
        parts.now_ns = 29 * 10**9
        assert parts.health.ailment() is None
        parts.now_ns = 31 * 10**9
        assert parts.health.ailment() == "nothing was taken in for 31 s"

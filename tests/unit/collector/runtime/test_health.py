"""
Readiness, stalls and gauges of the agent.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from collector.analyzer import Analyzer
from collector.config.loader import parse
from collector.host.clock import identify
from collector.metrics import Metrics
from collector.pipeline.committer import Committer
from collector.pipeline.intake import Intake
from collector.pipeline.lateness import Lateness
from collector.publish.agent import AgentEvents
from collector.runtime.health import Health
from collector.runtime.managers import SinkManager, SourceManager
from collector.sources import SOURCES
from collector.store import Store, StoredEvent
from sinks.file import FileConfig
from tests.unit.collector.sources.devices import Kmsg, record

NOON_S = 1_790_000_000.0


class Parts:
    """
    The parts of an agent whose intake has a clock that the test moves.
    """

    def __init__(self, store: Store, tasks: asyncio.TaskGroup) -> None:
        self.now_ns = 0
        self.metrics = Metrics()
        self.sinks = SinkManager(store, self.metrics, tasks)
        host = identify()
        analyzer = Analyzer(host.published(), host.booted_ns)
        self.committer = Committer(
            store,
            (),
            agent_events=AgentEvents(host=host.published()),
            metrics=self.metrics,
            on_stored=self.sinks.wake,
            clock_ns=lambda: self.now_ns,
        )
        self.intake = Intake(analyzer, self.committer, metrics=self.metrics, clock_ns=lambda: self.now_ns)
        self.sources = SourceManager(host, self.intake.put, store.positions, tasks)
        self.health = Health(
            self.metrics,
            store,
            intake=self.intake,
            committer=self.committer,
            sources=self.sources,
            sinks=self.sinks,
            wall_s=lambda: NOON_S,
        )


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "s.db")
    yield store
    await store.aclose()


@asynccontextmanager
async def broken_sink(store: Store, folder: Path) -> AsyncIterator[Parts]:
    """
    Yield an agent with one event for a sink that cannot take it.
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
        await parts.sinks.stop()


async def test_the_age_of_a_pending_event_is_measured_from_its_time(store: Store, tmp_path: Path) -> None:
    """
    An event that waits for a retry counts as pending. One failure does not open the circuit.
    """
    async with broken_sink(store, tmp_path) as parts:
        await parts.health.refresh_metrics()
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
    Evidence waits or is dropped, so the agent reports that it needs attention.
    """
    async with broken_sink(store, tmp_path) as parts:
        parts.health.ready = True
        parts.committer.has_room.clear()
        ready, reasons = parts.health.readiness()
        await parts.health.refresh_metrics()
    assert not ready
    assert "store" in reasons[0]
    assert parts.metrics.value("exit137_store_up") == 0


async def test_a_sink_that_is_down_is_listed_and_leaves_the_agent_ready(store: Store, tmp_path: Path) -> None:
    """
    The events of the sink wait, and restarting the agent would not help.
    """
    async with broken_sink(store, tmp_path) as parts:
        parts.health.ready = True
        ready, reasons = parts.health.readiness()
    assert ready
    assert [reason.split(":")[0] for reason in reasons] == ["sink a does not take events (circuit closed)"]


async def test_an_intake_without_progress_is_a_stall(store: Store) -> None:
    """
    A healthy intake turns every few seconds, whether or not there is anything to do.
    """
    async with asyncio.TaskGroup() as tasks:
        parts = Parts(store, tasks)
        parts.now_ns = 29 * 10**9
        assert parts.health.stall_reason() is None
        parts.now_ns = 31 * 10**9
        assert parts.health.stall_reason() == "the intake has made no progress for 31 s"


async def test_each_source_that_is_up_has_a_line_with_its_lag_and_buffer(store: Store, tmp_path: Path) -> None:
    """
    The line says how late the source was processed last, and how full its buffer is.
    """
    with Kmsg(tmp_path / "kmsg") as device:
        device.write(record(1, "eth0: link up"))
        config = {name: {"enabled": False} for name in SOURCES} | {"kmsg": {"path": str(device.path)}}
        async with asyncio.TaskGroup() as tasks:
            parts = Parts(store, tasks)
            parts.health.ready = True
            await parts.sources.apply(parse({"sources": config}, "test").sources)
            await asyncio.wait_for(parts.sources.supervisors[0].tried.wait(), 5)
            before = parts.health.readiness()
            parts.intake.lateness = Lateness(0, time.monotonic_ns)
            parts.intake.lateness.observe("kmsg", 1_000_000_000, 3_500_000_000)
            after = parts.health.readiness()
            await parts.health.refresh_metrics()
            await parts.sources.stop()
    assert before == (True, ["source kmsg is up: nothing read yet, buffer 0% full"])
    assert after == (True, ["source kmsg is up: lag 2.5 s, buffer 0% full"])
    assert parts.metrics.value("exit137_source_buffer_bytes", "kmsg") == 0
    assert parts.metrics.value("exit137_source_buffer_full_seconds", "kmsg") == 0

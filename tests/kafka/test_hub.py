"""
The hub reads a topic of a real broker: each event once, whatever ends in between.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from collector.config.hub import HubKafkaConfig
from collector.store import History, Store
from fleet.incidents.detector import Detector
from fleet.inputs.kafka import KafkaInput
from fleet.intake import FleetIntake
from sinks.base import Outgoing
from sinks.event import Event, EventType
from sinks.kafka import KafkaSink
from tests.kafka.target import Target
from tests.lab.waiting import eventually
from tests.shared.hub_events import body, death

pytestmark = pytest.mark.broker

EVENTS = 300


@asynccontextmanager
async def hub(folder: Path, target: Target) -> AsyncIterator[Store]:
    """
    A hub that reads the topic; at the end it is cut off, and nothing that waits is stored.
    """
    store = await Store.open(folder / "hub.db")
    intake = FleetIntake(store, Detector(), [])
    config = HubKafkaConfig(bootstrap_servers=(target.broker.address(),), topic=target.topic, group=target.topic)
    kafka = KafkaInput(config, intake, store.positions)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(intake.run()), tasks.create_task(kafka.run())]
        try:
            yield store
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await store.aclose()


async def write(target: Target, events: list[Event], mode: str) -> None:
    sink = KafkaSink(target.config(mode=mode))
    await sink.open()
    with contextlib.suppress(asyncio.CancelledError):
        await sink.send(
            [Outgoing(id=event.id, type=event.type.value, key=event.key, body=body(event)) for event in events]
        )
    await sink.aclose()


@pytest.mark.parametrize("mode", ["binary", "structured"])
async def test_each_event_is_stored_once_across_restarts(target: Target, tmp_path: Path, mode: str) -> None:
    """
    The second hub continues at the offsets in the store, and events that were written twice are one.
    """
    events = [death(number % 5, number) for number in range(EVENTS)]
    await write(target, events[:200], mode)
    async with hub(tmp_path, target) as store:
        await eventually(lambda: _holds(tmp_path, 50), 60, "some events are stored")
    await write(target, events[100:], mode)
    async with hub(tmp_path, target) as store:
        await eventually(lambda: _holds(tmp_path, EVENTS), 60, "all events are stored")
        await asyncio.sleep(1)
        assert sorted(_stored_deaths(tmp_path)) == sorted(event.id for event in events)
        offsets = [position["offset"] for name, position in (await store.positions()).items() if "kafka/" in name]
        assert sum(offsets) == 200 + EVENTS - 100


def _holds(folder: Path, count: int) -> bool:
    return len(_stored_deaths(folder)) >= count


def _stored_deaths(folder: Path) -> list[str]:
    """
    Return the ids of the stored deaths; the hub's incidents are in the same store.
    """
    with History(folder / "hub.db") as past:
        return [event.id for event in past.events(types=[EventType.CONTAINER_DEATH])]

"""
Each event once into the store, and what the detector makes of them in the same transaction.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from collector.store import Store, StoredEvent, StoreUnavailableError
from fleet.arrival import Arrival, arrivals
from fleet.incidents.detector import Detector
from fleet.intake import DETECTOR, BusyError, FleetIntake
from sinks.base import SinkConfig
from sinks.event import Event, EventType
from tests.shared.hub_events import BEGIN_NS, SECOND, body, death, host_id, status

SINK = SinkConfig(name="people", type="stdout")


def arrived(*events: Event) -> list[Arrival]:
    return [item for event in events for item in arrivals(body(event))]


class Fleet:
    """
    An intake over a store, and a clock that the test moves.
    """

    def __init__(self, store: Store, detector: Detector | None = None) -> None:
        self.now_s = 0.0
        self.new: list[StoredEvent] = []
        self.store = store
        self.detector = detector or Detector()
        self.intake = FleetIntake(
            store,
            self.detector,
            [SINK],
            on_stored=self.new.extend,
            wall_ns=lambda: BEGIN_NS + round(self.now_s * SECOND),
        )

    async def take(self, *events: Event, at_s: float | None = None) -> None:
        """
        Offer events, and have them stored.
        """
        self.now_s = at_s if at_s is not None else self.now_s
        stored = self.intake.offer(arrived(*events))
        await self.intake._turn()
        assert stored.done()

    async def incidents(self) -> list[str]:
        events = await self.store.events(types=[EventType.FLEET_INCIDENT.value], limit=-1)
        return [event.id for event in events]

    async def host_dies(self, host: int, at_s: float) -> None:
        """
        Four services of a host die within seconds: a host cause.
        """
        for number, service in enumerate(("api", "db", "web", "mail")):
            await self.take(death(host, round(at_s) + number, service), at_s=at_s + number)


@asynccontextmanager
async def fleet(folder: Path, detector: Detector | None = None) -> AsyncIterator[Fleet]:
    store = await Store.open(folder / "hub.db")
    try:
        yield Fleet(store, detector)
    finally:
        await store.aclose()


async def test_the_same_event_twice_is_one_event(tmp_path: Path) -> None:
    """
    In one batch, and in another one: agents send again what was not acknowledged.
    """
    async with fleet(tmp_path) as hub:
        await hub.take(death(1, 1), death(1, 1))
        await hub.take(death(1, 1), death(1, 2))
        assert len(await hub.store.events(limit=-1)) == 2
        assert len(hub.new) == 2


async def test_an_id_belongs_to_the_host_that_was_verified_and_to_no_other(tmp_path: Path) -> None:
    """
    JSON may name a source twice. The last one counts, for the signature and for whose the id is.
    """
    own = death(1, 1)
    other = orjson.dumps({**orjson.loads(body(death(2, 1))), "id": own.id})
    (forged,) = arrivals(b'{"source":"urn:exit137:host:%b",%b' % (host_id(1).encode(), other[1:]))
    assert forged.host_id == host_id(2)
    async with fleet(tmp_path) as hub:
        hub.intake.offer([forged])
        await hub.intake._turn()
        assert await hub.store.sources([own.id]) == {own.id: forged.source}
        await hub.take(own)
        assert len(await hub.store.events(limit=-1)) == 2


@pytest.mark.parametrize("stamp", ["9999-12-31T23:59:59Z", "2300-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59"])
@pytest.mark.parametrize("member", ["time", "@timestamp"])
async def test_a_time_far_from_all_others_stops_neither_the_hub_nor_its_next_start(
    tmp_path: Path, stamp: str, member: str
) -> None:
    """
    In nanoseconds it has more than 64 bits: the store has no column for it, and in JSON it would be another number.
    """
    events = [orjson.loads(body(event)) for event in (status(1, 0), death(1, 1))]
    for event in events:
        del event["time"]
        (event if member == "time" else event["data"])[member] = stamp
    async with fleet(tmp_path) as hub:
        hub.intake.offer(arrivals(orjson.dumps(events)))
        await hub.intake._turn()
        assert len(await hub.store.events(limit=-1)) == 2
        await hub.intake.drain()
        Detector.restore((await hub.store.positions())[DETECTOR]["state"])


async def test_an_incident_is_stored_with_the_event_that_opens_it_and_goes_to_the_sinks(tmp_path: Path) -> None:
    """
    The agents' own events go to none: people get one message for each incident.
    """
    async with fleet(tmp_path) as hub:
        await hub.take(*(status(host, 0) for host in range(1, 6)), at_s=0)
        await hub.host_dies(1, 100)
        assert len(await hub.incidents()) == 1
        assert {event.type for event in hub.new if event.sinks} == {EventType.FLEET_INCIDENT.value}
        assert hub.store.depth("people") == 1


async def test_after_a_crash_the_events_after_the_stored_state_are_observed_again(tmp_path: Path) -> None:
    """
    Three of four deaths are stored before a crash; the fourth opens the incident all the same.
    """
    async with fleet(tmp_path) as hub:
        await hub.take(*(status(host, 0) for host in range(1, 6)), at_s=20)
        for number, service in enumerate(("api", "db")):
            await hub.take(death(1, number, service), at_s=21)
        position = (await hub.store.positions())[DETECTOR]
    async with fleet(tmp_path, Detector.restore(position["state"])) as hub:
        hub.now_s = 22
        assert await hub.intake.replay(position["seq"]) >= 2
        await hub.take(death(1, 3, "web"), at_s=23)
        assert len(await hub.incidents()) == 1


async def test_an_incident_that_was_not_stored_before_a_stop_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The disk refuses the death that opens it until the hub is stopped, and then takes the state of the detector.
    """
    refused = asyncio.Event()

    async def refuse(*_given: object) -> int:
        refused.set()
        raise StoreUnavailableError("disk", "full")

    async with fleet(tmp_path) as hub:
        await hub.take(*(status(host, 0) for host in range(1, 6)), at_s=20)
        for number, service in enumerate(("api", "db")):
            await hub.take(death(1, number, service), at_s=21)
        with monkeypatch.context() as disk:
            disk.setattr(hub.store, "commit", refuse)
            hub.intake.offer(arrived(death(1, 3, "web")))
            async with asyncio.TaskGroup() as tasks:
                turn = tasks.create_task(hub.intake._turn(), name="turn")
                await refused.wait()
                turn.cancel()
        await hub.intake.drain()
        position = (await hub.store.positions())[DETECTOR]
        assert not await hub.incidents()
    async with fleet(tmp_path, Detector.restore(position["state"])) as hub:
        hub.now_s = 22
        await hub.intake.replay(position["seq"])
        await hub.take(death(1, 3, "web"), at_s=23)
        assert len(await hub.incidents()) == 1


async def test_a_replay_opens_no_incident_twice(tmp_path: Path) -> None:
    """
    Even where no state was stored at all: ids are made of the evidence.
    """
    async with fleet(tmp_path) as hub:
        await hub.take(*(status(host, 0) for host in range(1, 6)), at_s=0)
        await hub.host_dies(1, 100)
        opened = await hub.incidents()
    async with fleet(tmp_path) as hub:
        hub.now_s = 104
        await hub.intake.replay(0)
        assert await hub.incidents() == opened


async def test_positions_are_stored_with_the_events(tmp_path: Path) -> None:
    """
    An offset of Kafka never passes an event that is not stored.
    """
    async with fleet(tmp_path) as hub:
        stored = hub.intake.offer(arrived(death(1, 1)), {"kafka/t/0": {"offset": 7}})
        assert "kafka/t/0" not in await hub.store.positions()
        await hub.intake._turn()
        assert stored.done()
        assert (await hub.store.positions())["kafka/t/0"] == {"offset": 7}


async def test_an_input_has_to_wait_when_too_much_waits(tmp_path: Path) -> None:
    """
    Memory is bounded; agents keep their events.
    """
    async with fleet(tmp_path) as hub:
        one = arrived(death(1, 1))
        hub.intake.offer(one * 10_000)
        with pytest.raises(BusyError):
            hub.intake.offer(one)


async def test_while_the_store_is_full_the_input_waits(tmp_path: Path) -> None:
    """
    And goes on once there is room, without a loss.
    """
    async with fleet(tmp_path) as hub:
        blocked = StoredEvent(
            id="x", type="t", subject="s", key="k", time_ns=1, container_id=None, body=b"{}", sinks=("people",)
        )
        await hub.store.commit([blocked], {})
        hub.store._max_bytes = 1
        stored = hub.intake.offer(arrived(death(1, 1)))
        turn = asyncio.create_task(hub.intake._turn())  # noqa: TID251 (the test owns it)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                await asyncio.shield(turn)
        assert not stored.done()
        assert hub.intake.trouble is not None
        hub.store._max_bytes = 1 << 30
        await turn
        assert stored.done()
        assert hub.intake.trouble is None


async def test_no_host_can_take_the_id_of_another_hosts_event(tmp_path: Path) -> None:
    """
    Ids can be guessed. The event that comes second is stored under an id of its own, once, however often it comes.
    """
    theirs = death(2, 1)
    taken = replace(death(1, 1), id=theirs.id)
    async with fleet(tmp_path) as hub:
        await hub.take(taken, theirs)
        await hub.take(theirs)
        await hub.take(taken)
        stored = {json.loads(event.body)["source"]: event.id for event in await hub.store.events(limit=-1)}
        assert len(hub.new) == len(stored) == 2
        assert stored[f"urn:exit137:host:{host_id(1)}"] == theirs.id
        assert stored[f"urn:exit137:host:{host_id(2)}"] != theirs.id

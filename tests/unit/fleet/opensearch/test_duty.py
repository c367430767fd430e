"""
What a hub leaves to the next one when it stops, or when its cluster fails, in the middle of its turn.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from collector.store import PastEvent, Store, StoredEvent, StoreUnavailableError
from fleet.arrival import arrivals
from fleet.opensearch import duty
from fleet.opensearch.duty import DetectorDuty
from fleet.opensearch.lease import Lease
from fleet.opensearch.state import Note, Version
from sinks import SinkConfig
from sinks.event import EventType
from tests.shared.hub_events import BEGIN_NS, SECOND, body, death, status

SINK = SinkConfig(name="people", type="stdout")
INCIDENT = StoredEvent(
    id="incident-1",
    type=EventType.FLEET_INCIDENT.value,
    subject="service/api",
    key="service/api",
    time_ns=BEGIN_NS,
    container_id=None,
    body=b'{"data":{}}',
    sinks=("people",),
)


class Memory:
    """
    A cluster in memory: events in order, and documents that are replaced only by whoever names their version.
    """

    events_index = "events"

    def __init__(self) -> None:
        self.state = self.reading = self
        self.index = "first"
        self.is_away = False
        self.found = asyncio.Event()
        self.events: list[PastEvent] = []
        self._notes: dict[tuple[str, str], Note] = {}
        self._writes = 0

    @property
    def incidents(self) -> list[str]:
        return [event.id for event in self.events if event.type == EventType.FLEET_INCIDENT.value]

    async def uuid(self) -> str:
        return self.index

    async def after(self, wanted: object, after_seq: int, limit: int, query: Mapping[str, Any]) -> list[PastEvent]:
        del wanted, after_seq
        last = query["bool"]["should"][-1]["range"]["_seq_no"]["gt"] + 1
        return [event for event in self.events if event.seq > last][:limit]

    async def sources(self, ids: Collection[str]) -> Mapping[str, str]:
        if self.is_away and ids:
            raise StoreUnavailableError("cluster", "away")
        return {event.id: "" for event in self.events if event.id in ids}

    async def commit(self, events: Sequence[StoredEvent], positions: object) -> int:
        del positions
        known = await self.sources([event.id for event in events])
        new = [event for event in events if event.id not in known]
        for event in new:
            self.events.append(
                PastEvent(
                    seq=len(self.events) + 1,
                    id=event.id,
                    type=event.type,
                    subject=event.subject,
                    container_id=event.container_id,
                    time_ns=event.time_ns or 0,
                    body=event.body,
                )
            )
        if self.incidents:
            self.found.set()
        return len(new)

    async def get(self, kind: str, id_: str) -> Note | None:
        return self._notes.get((kind, id_))

    async def all(self, kind: str) -> list[Note]:
        return [note for (each, _), note in self._notes.items() if each == kind]

    async def put(self, kind: str, contents: Mapping[str, Mapping[str, Any]]) -> None:
        for id_, content in contents.items():
            self._write(kind, id_, content)

    async def replace(self, kind: str, id_: str, content: Mapping[str, Any], seen: Version | None) -> Version | None:
        note = self._notes.get((kind, id_))
        if (note.version if note is not None else None) != seen:
            return None
        return self._write(kind, id_, content)

    async def delete(self, kind: str, ids: Sequence[str]) -> None:
        for id_ in ids:
            self._notes.pop((kind, id_), None)

    def _write(self, kind: str, id_: str, content: Mapping[str, Any]) -> Version:
        self._writes += 1
        version = Version(seq_no=self._writes, primary_term=1)
        self._notes[kind, id_] = Note(id=id_, content=orjson.loads(orjson.dumps(content)), version=version)
        return version


class Remade(Memory):
    """
    A cluster whose index of events is made anew as soon as nothing new is in it.
    """

    async def after(self, wanted: object, after_seq: int, limit: int, query: Mapping[str, Any]) -> list[PastEvent]:
        found = await super().after(wanted, after_seq, limit, query)
        if not found:
            self.index = "second"
            self.events.clear()
        return found


class Turn:
    """
    A hub's turn at finding incidents.
    """

    def __init__(self, cluster: Memory, outbox: Store, name: str) -> None:
        self.outbox = outbox
        self.lease = Lease(cluster, name, 600.0)  # type: ignore[arg-type]
        self.duty = DetectorDuty(
            cluster,  # type: ignore[arg-type]
            outbox,
            self.lease,
            [SINK],
            apply=_apply,
            wake=lambda: None,
            wall_ns=lambda: BEGIN_NS + 110 * SECOND,
        )


@asynccontextmanager
async def turn(cluster: Memory, folder: Path, name: str) -> AsyncIterator[Turn]:
    outbox = await Store.open(folder / f"{name}.db")
    try:
        yield Turn(cluster, outbox, name)
    finally:
        await outbox.aclose()


async def host_dies(cluster: Memory) -> None:
    """
    Store what is an incident: four services of a host die within seconds.
    """
    deaths = [death(1, 100 + number, service) for number, service in enumerate(("api", "db", "web", "mail"))]
    events = [*(status(host, 0) for host in range(1, 6)), *deaths]
    await cluster.commit([arrival.stored for event in events for arrival in arrivals(body(event))], {})


async def until_found(cluster: Memory, hub: Turn) -> None:
    await hub.lease.turn()
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        holding = tasks.create_task(hub.duty._hold(), name="hold")
        await cluster.found.wait()
        holding.cancel()


async def test_an_incident_that_was_not_stored_is_found_by_the_next_hub(tmp_path: Path) -> None:
    """
    The cluster fails just then, and the hub is stopped before it tries again: its detector has taken what it lost.
    """
    cluster = Memory()
    await host_dies(cluster)
    async with turn(cluster, tmp_path, "first") as first, turn(cluster, tmp_path, "second") as second:
        await first.lease.turn()
        cluster.is_away = True
        with pytest.raises(StoreUnavailableError):
            await first.duty._hold()
        cluster.is_away = False
        assert not cluster.incidents
        await first.duty.finish()
        await until_found(cluster, second)
    assert len(cluster.incidents) == 1


async def test_an_incident_that_the_hub_before_stored_late_is_sent(tmp_path: Path) -> None:
    """
    It was cut off after its last write: this hub had read what is owed, and finds the incident among the stored ones.
    """
    cluster = Memory()
    async with turn(cluster, tmp_path, "first") as first, turn(cluster, tmp_path, "second") as second:
        await second.duty._owed.take_over(["people"])
        await first.duty._owed.add([INCIDENT])
        await second.duty._owed.add([INCIDENT])
        assert await second.outbox.pending_ids("people") == {INCIDENT.id}
        await second.outbox.mark_delivered("people", [INCIDENT.id])
        await second.duty._owed.settle()
        assert not await cluster.all("owed")
        await first.duty._owed.take_over(["people"])
        assert not await first.outbox.pending_ids("people")


async def test_a_quiet_index_that_was_made_anew_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Deleted and made again between two readings: its events have numbers that the detector takes for known ones.
    """
    monkeypatch.setattr(duty, "_SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(duty, "_POLL_S", 0.0)
    cluster = Remade()
    await host_dies(cluster)
    async with turn(cluster, tmp_path, "first") as hub:
        await hub.lease.turn()
        with pytest.raises(StoreUnavailableError):
            async with asyncio.timeout(5):
                await hub.duty._hold()


async def _apply(sinks: Sequence[SinkConfig]) -> None:
    del sinks

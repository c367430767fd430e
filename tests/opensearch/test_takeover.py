"""
What hubs leave to each other in a real cluster: incidents that are owed to sinks, the state of the detector, and events
that are too old.
"""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
import orjson
import pytest

from collector.config.hub import HubConfig
from collector.config.sections import Config, StoreConfig
from collector.store import Store, StoredEvent
from fleet.arrival import arrivals
from fleet.opensearch import cluster as cluster_module
from fleet.opensearch.bulk import Action, send
from fleet.opensearch.duty import DetectorDuty, _LeaseLostError
from fleet.opensearch.lease import Lease
from fleet.opensearch.owed import Owed
from fleet.opensearch.retention import Retention
from fleet.opensearch.store import ClusterStore
from sinks import SinkConfig
from tests.opensearch.node import Node
from tests.shared.hub_events import BEGIN_NS, SECOND, body, death, status
from tests.shared.hub_stores import config_of

HOUR_NS: Final = 3600 * SECOND
SINK: Final = SinkConfig(name="people", type="stdout")


def incident(number: int, *sinks: str) -> StoredEvent:
    envelope = {"source": "urn:exit137:host:unknown", "type": "exit137.fleet_incident", "data": {"message": "é"}}
    return StoredEvent(
        id=f"incident-{number}",
        type="exit137.fleet_incident",
        subject="service/api",
        key="service/api",
        time_ns=BEGIN_NS,
        container_id=None,
        body=orjson.dumps(envelope),
        sinks=sinks or ("people",),
        group="api",
    )


@asynccontextmanager
async def opened(node: Node, index: str, wall_ns: int = BEGIN_NS) -> AsyncIterator[ClusterStore]:
    store = ClusterStore(config_of(node, index), lambda: wall_ns)
    try:
        await store.prepare()
        yield store
    finally:
        await store.aclose()


@asynccontextmanager
async def outbox(path: Path) -> AsyncIterator[Store]:
    store = await Store.open(path)
    try:
        yield store
    finally:
        await store.aclose()


def refresh(node: Node, index: str) -> None:
    node.ask("POST", f"{index}-*/_refresh")


async def pending(store: Store) -> list[str]:
    return sorted(await store.pending_ids("people"))


async def test_what_a_hub_has_not_delivered_is_delivered_by_the_next(running: Node, index: str, tmp_path: Path) -> None:
    """
    And what it has delivered is not, neither by the next hub nor by itself when it comes back.
    """
    async with opened(running, index) as store, outbox(tmp_path / "1.db") as first, outbox(tmp_path / "2.db") as second:
        owed = Owed(store, first)
        await owed.take_over(["people"])
        await owed.add([incident(1), incident(2), incident(3)])
        assert await pending(first) == ["incident-1", "incident-2", "incident-3"]
        await first.mark_delivered("people", ["incident-1"])
        await owed.settle()
        following = Owed(store, second)
        await following.take_over(["people"])
        assert await pending(second) == ["incident-2", "incident-3"]
        await second.mark_delivered("people", ["incident-2"])
        await following.settle()
        await owed.take_over(["people"])
        assert await pending(first) == ["incident-3"]
        (sent,) = await first.pending("people", 10, 0.0)
        assert (sent.outgoing.body, sent.outgoing.group) == (incident(3).body, "api")


async def test_an_incident_that_is_found_again_is_not_sent_again(running: Node, index: str, tmp_path: Path) -> None:
    """
    After a takeover the detector finds it again from the same evidence, long after people were notified.
    """
    async with opened(running, index) as store, outbox(tmp_path / "1.db") as first, outbox(tmp_path / "2.db") as second:
        owed = Owed(store, first)
        await owed.add([incident(1)])
        await first.mark_delivered("people", ["incident-1"])
        await owed.settle()
        await Owed(store, second).add([incident(1)])
        assert await pending(second) == []
        assert await store.state.all("owed") == []


async def test_a_hub_that_dies_between_two_writes_leaves_an_incident_that_is_stored_and_sent(
    running: Node, index: str, tmp_path: Path
) -> None:
    """
    It noted what is owed, and was killed before it stored the incident.
    """
    async with opened(running, index) as store, outbox(tmp_path / "1.db") as first, outbox(tmp_path / "2.db") as second:
        owed = Owed(store, first)
        await owed.add([incident(1)])
        await send(store.cluster, store.events_index, [Action(verb="delete", id="incident-1")])
        await Owed(store, second).take_over(["people"])
        assert await pending(second) == ["incident-1"]
        assert (await store.reading.event("incident-1")) is not None


async def test_a_hub_that_lost_its_turn_cannot_replace_the_state(running: Node, index: str, tmp_path: Path) -> None:
    """
    Although it does not know yet: its state is older than what the next hub has found.
    """
    async with opened(running, index) as store, outbox(tmp_path / "1.db") as first, outbox(tmp_path / "2.db") as second:
        duties = [_duty(store, box, name) for box, name in ((first, "first"), (second, "second"))]
        for duty in duties:
            duty._lease._until_s = float("inf")  # both believe that it is their turn
            await duty._take_over()
        with pytest.raises(_LeaseLostError):
            await duties[0]._save()
        await duties[1]._save()


def _duty(store: ClusterStore, box: Store, name: str) -> DetectorDuty:
    async def apply(sinks: Sequence[SinkConfig]) -> None:
        del sinks

    lease = Lease(store.state, name, 10.0)
    return DetectorDuty(store, box, lease, [SINK], apply=apply, wake=lambda: None, wall_ns=lambda: BEGIN_NS)


class HeldLease(Lease):
    """
    A lease that this hub has.
    """

    @property
    def is_held(self) -> bool:
        return True


async def test_old_events_are_deleted_and_owed_incidents_stay(running: Node, index: str, tmp_path: Path) -> None:
    """
    Statuses after two hours, the rest after the days that are configured.
    """
    old, new = [status(1, 0), death(1, 1)], [status(1, 60), death(1, 2)]
    for events, at_ns in ((old, BEGIN_NS), (new, BEGIN_NS + 23 * HOUR_NS)):
        async with opened(running, index, at_ns) as store:
            await store.commit([item.stored for event in events for item in arrivals(body(event))], {})
    later_ns = BEGIN_NS + 25 * HOUR_NS
    async with opened(running, index, later_ns) as store, outbox(tmp_path / "1.db") as box:
        await Owed(store, box).add([incident(1)])
        config = Config(store=StoreConfig(keep_days=1), hub=HubConfig(store=config_of(running, index)))
        lease = HeldLease(store.state, "me", 10.0)
        refresh(running, index)
        await Retention(store, lease, config, lambda: later_ns).turn()
        refresh(running, index)
        kept = {event.id for event in await store.events(limit=-1)}
        assert kept == {new[0].id, new[1].id, "incident-1"}
        await Retention(store, lease, config, lambda: later_ns + HOUR_NS).turn()
        refresh(running, index)
        assert {event.id for event in await store.events(limit=-1)} == {new[1].id, "incident-1"}
        await Retention(store, lease, config, lambda: later_ns + 48 * HOUR_NS).turn()
        refresh(running, index)
        assert await store.events(limit=-1) == []
        assert len(await store.state.all("owed")) == 1


async def test_too_many_events_lose_the_oldest(running: Node, index: str) -> None:
    """
    About as many as are too much; the newest stay.
    """
    for number in range(4):
        async with opened(running, index, BEGIN_NS + number * SECOND) as store:
            made = [replace(incident(100 * number + each), body=_noise(each)) for each in range(100)]
            await store.commit(made, {})
    async with opened(running, index) as store:
        refresh(running, index)
        running.ask("POST", f"{index}-events/_flush?force=true")
        stats = running.ask("GET", f"{index}-events/_stats/store")["_all"]["primaries"]["store"]["size_in_bytes"]
        hub = HubConfig(store=msgspec.structs.replace(config_of(running, index), max_bytes=round(stats * 0.6)))
        lease = HeldLease(store.state, "me", 10.0)
        await Retention(store, lease, Config(hub=hub), lambda: BEGIN_NS + HOUR_NS).turn()
        refresh(running, index)
        kept = [int(event.id.removeprefix("incident-")) for event in await store.events(limit=-1)]
    assert 100 <= len(kept) <= 250
    assert kept == list(range(400 - len(kept), 400))


async def test_an_answer_that_is_too_long_is_asked_for_in_parts(
    running: Node, index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Large events of one host do not keep a hub from reading on.
    """
    monkeypatch.setattr(cluster_module, "_ANSWER_BYTES", 40_000)
    async with opened(running, index) as store:
        await store.commit([replace(incident(number), body=_noise(number)) for number in range(60)], {})
        refresh(running, index)
        found = await store.events_after(0, 500)
    assert [event.id for event in found] == [f"incident-{number}" for number in range(60)]


def _noise(seed: int) -> bytes:
    """
    An event of some kilobytes that hardly compress.
    """
    text = random.Random(seed).randbytes(1500).hex()  # noqa: S311 (not a secret)
    return orjson.dumps({"source": "urn:exit137:host:unknown", "data": {"message": text}})

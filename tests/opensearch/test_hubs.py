"""
Two hubs over one cluster: both show everything, one of them finds incidents, and either may die at any time.
"""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson
import pytest

from sinks.base import Outgoing
from sinks.event import Event, encoded
from sinks.secret import Secret
from sinks.webhook import WebhookConfig, WebhookSink
from tests.lab.waiting import eventually
from tests.opensearch.node import Node
from tests.shared.hub_events import death, host_id, secret_file, status
from tests.shared.hub_process import HubProcess

LEASE_S: Final = 2
WAIT_S: Final = 60
OUTAGES: Final = 3
HOSTS: Final = range(1, 7)
SERVICES: Final = ("api", "db", "web", "mail")


class Hubs:
    """
    Two hubs, and agents that may send to either.
    """

    def __init__(self, node: Node, folder: Path, index: str) -> None:
        self.node, self.index, self.folder = node, index, folder
        self.hubs: list[HubProcess] = []
        for name in "ab":
            (folder / name).mkdir()
            store = f'[hub.store]\ntype = "opensearch"\nurl = "{node.url}"\nindex = "{index}"\nlease_s = {LEASE_S}\n'
            store += "replicas = 0\ntimeout_s = 5\n"
            self.hubs.append(HubProcess(folder / name, store, folder, f'write_token_file = "{folder}/token"'))
        (folder / "token").write_text("token-of-a-relay")
        for host in HOSTS:
            secret_file(folder, host)

    async def send(self, hub: HubProcess, host: int, *events: Event) -> None:
        """
        Send events of a host to one of the hubs; they are stored now.
        """
        config = WebhookConfig(
            name="hub",
            type="webhook",
            url=Secret(f"http://127.0.0.1:{hub.webhook}/v1/events"),
            signing_secrets_files=(str(self.folder / host_id(host)),),
            timeout_s=20,
        )
        sink = WebhookSink(config)
        await sink.open()
        try:
            await sink.send([outgoing(replace(event, time_ns=time.time_ns())) for event in events])
        finally:
            await sink.aclose()

    def holder(self) -> HubProcess | None:
        """
        The hub that finds incidents, as the cluster knows it.
        """
        try:
            found = self.node.ask("GET", f"{self.index}-state/_doc/lease:detector")["_source"]
        except OSError:
            return None
        pid = (json.loads(found["content"])["holder"] or "/0/").split("/")[1]
        return next((hub for hub in self.hubs if hub.pid == int(pid)), None)

    def other(self, hub: HubProcess) -> HubProcess:
        return next(each for each in self.hubs if each is not hub)

    def incidents(self) -> list[Any]:
        """
        The stored incidents.
        """
        self.node.ask("POST", f"{self.index}-events/_refresh")
        query = {"size": 100, "query": {"term": {"hub.type": "exit137.fleet_incident"}}}
        hits = self.node.ask("POST", f"{self.index}-events/_search", query)["hits"]["hits"]
        return [orjson.loads(hit["_source"]["hub"]["body"]) for hit in hits]

    def owed(self) -> int:
        """
        How many incidents not every sink has, as far as the cluster knows.
        """
        self.node.ask("POST", f"{self.index}-state/_refresh")
        return int(self.node.ask("POST", f"{self.index}-state/_count", {"query": {"term": {"kind": "owed"}}})["count"])

    def messages(self) -> list[Any]:
        """
        What the sinks of both hubs were sent.
        """
        files = [self.folder / name / "incidents.jsonl" for name in "ab"]
        return [orjson.loads(line) for file in files if file.exists() for line in file.read_bytes().splitlines()]


def outgoing(event: Event) -> Outgoing:
    made = encoded(event)
    return Outgoing(id=event.id, type=event.type, key=made.key, body=made.body)


def opened(events: list[Any]) -> list[Any]:
    return [event for event in events if event["data"]["exit137"]["fleet"]["state"] == "open"]


@asynccontextmanager
async def two(node: Node, folder: Path, index: str) -> AsyncIterator[Hubs]:
    hubs = Hubs(node, folder, index)
    try:
        for hub in hubs.hubs:
            await asyncio.to_thread(hub.start)
        yield hubs
    finally:
        for hub in hubs.hubs:
            hub.kill()


async def next_of_stream(hub: HubProcess) -> str:
    """
    Return the id of the first death that a hub streams.
    """
    async with (
        asyncio.timeout(WAIT_S),
        aiohttp.ClientSession() as client,
        client.get(f"http://127.0.0.1:{hub.pages}/v1/stream?type=exit137.container_death") as answer,
    ):
        async for line in answer.content:
            if line.startswith(b"data:"):
                return str(orjson.loads(line.removeprefix(b"data:"))["id"])
    raise AssertionError("the stream ended")


@pytest.mark.timeout(300)
async def test_either_hub_may_die_and_an_incident_opens_once(running: Node, index: str, tmp_path: Path) -> None:
    """
    What one hub takes is on the pages of the other, and the other goes on where the first was killed.
    """
    async with two(running, tmp_path, index) as hubs:
        for host in HOSTS:
            await hubs.send(hubs.hubs[host % 2], host, status(host, 0))
        for hub in hubs.hubs:
            await eventually(lambda hub=hub: len(hub.ask("v1/hosts")["hosts"]) == len(HOSTS), WAIT_S, "all hosts")
        await eventually(lambda: hubs.holder() is not None, WAIT_S, "one hub finds incidents")
        first = hubs.holder()
        assert first is not None
        second = hubs.other(first)
        async with asyncio.TaskGroup() as tasks:
            streamed = tasks.create_task(next_of_stream(second), name="stream")
            await asyncio.sleep(1)
            for number, service in enumerate(SERVICES[:2]):
                await hubs.send(first, 1, death(1, number, service))
        assert streamed.result() == death(1, 0).id
        first.end(signal.SIGKILL)
        for number, service in enumerate(SERVICES[2:], 2):
            await hubs.send(second, 1, death(1, number, service))
        await eventually(lambda: second.ask("v1/incidents")["events"], WAIT_S, "the incident is on the page")
        await eventually(hubs.messages, WAIT_S, "the message has arrived")
        assert hubs.holder() is second
        await asyncio.to_thread(first.start)
        await eventually(lambda: first.ask("v1/incidents")["events"], WAIT_S, "the first hub shows it too")
        for path in ("v1/incidents", "v1/events"):
            await eventually(lambda path=path: first.ask(path) == second.ask(path), WAIT_S, "both show the same")
        await eventually(lambda: not hubs.owed(), WAIT_S, "the delivery is noted in the cluster")
        # Once more, the other way round: what is open stays open, and nobody is notified again.
        second.end(signal.SIGKILL)
        await hubs.send(first, 2, death(2, 9))
        await eventually(lambda: hubs.holder() is first, WAIT_S, "the first hub finds incidents again")
        await asyncio.sleep(2 * LEASE_S)
        (incident,) = opened(hubs.incidents())
        assert [message["id"] for message in opened(hubs.messages())] == [incident["id"]]
        assert incident["data"]["exit137"]["fleet"]["hosts"] == [host_id(1)]


@pytest.mark.timeout(300)
async def test_while_the_cluster_takes_nothing_agents_wait(running: Node, index: str, tmp_path: Path) -> None:
    """
    The index is read-only, as when disks are full; somebody deletes it; then the node is gone. Pages work meanwhile if
    there is something to read.
    """
    async with two(running, tmp_path, index) as hubs:
        hub = hubs.hubs[0]
        await hubs.send(hub, 1, status(1, 0), death(1, 1))
        await eventually(lambda: len(hub.ask("v1/events")["events"]) == 2, WAIT_S, "both are shown")
        block = {"index.blocks.read_only_allow_delete": True}
        running.ask("PUT", f"{index}-*/_settings", block)
        assert await posted(hub, tmp_path) == 429
        assert len(hub.ask("v1/events")["events"]) == 2
        running.ask("PUT", f"{index}-*/_settings", {"index.blocks.read_only_allow_delete": None})
        await eventually(lambda: len(hub.ask("v1/events")["events"]) == 3, WAIT_S, "what was refused is stored")
        running.ask("DELETE", f"{index}-*")
        assert await posted(hub, tmp_path, number=2) == 204
        assert running.ask("GET", f"{index}-events/_mapping")[f"{index}-events-1"]["mappings"]["_meta"] == {
            "exit137": 1
        }
        running.kill()
        assert await posted(hub, tmp_path, number=3) == 429
        await asyncio.to_thread(running.start)
        await eventually(lambda: len((hub.ask("v1/events") or {"events": []})["events"]) == 2, WAIT_S, "it is stored")
        lines = (tmp_path / "a" / "hub.log").read_text().splitlines()
        begun = [line for line in lines if "the store takes no events" in line]
        assert len(begun) == len([line for line in lines if "the store takes events again" in line]) >= OUTAGES
        assert not [line for line in lines if "Traceback" in line]


async def posted(hub: HubProcess, keys: Path, number: int = 2) -> int:
    """
    Post a death; return the status.
    """
    token = {"Authorization": f"Bearer {(keys / 'token').read_text()}"}
    body = outgoing(replace(death(1, number), time_ns=time.time_ns())).body
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"http://127.0.0.1:{hub.webhook}/v1/events", data=body, headers=token) as answer,
    ):
        return answer.status

"""
Three agents' sinks and one hub, over HTTP, while the hub is killed: nothing is lost, and nothing is there twice.
"""

import asyncio
import json
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from collector.delivery import Courier, addressed
from collector.metrics import Metrics
from collector.store import History, Store
from sinks.secret import Secret
from sinks.webhook import WebhookConfig, WebhookSink
from tests.shared.hub_events import death, host_id, secret_file, status
from tests.shared.hub_process import HubProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

HOSTS: Final = (1, 2, 3)
EVENTS: Final = 120
KILLS: Final = 2


class AgentOutbox:
    """
    What an agent has of delivery: its store, its courier, its webhook sink.
    """

    def __init__(self, store: Store, host: int, url: str, key: Path) -> None:
        self.config = WebhookConfig(
            name="hub",
            type="webhook",
            url=Secret(url),
            signing_secrets_files=(str(key),),
            events=("exit137.host_status", "exit137.container_death"),
            timeout_s=5,
        )
        self.store, self.host = store, host
        self.courier = Courier(self.config, WebhookSink(self.config), store=store, metrics=Metrics(sinks=["hub"]))

    async def publish(self, number: int) -> str:
        made = status(self.host, number) if number % 10 == 0 else death(self.host, number, f"s{self.host}-{number % 4}")
        event = replace(made, time_ns=time.time_ns())
        await self.store.commit([addressed(event, [self.config])], {})
        self.courier.wake()
        return event.id


async def test_a_hub_that_is_killed_loses_nothing_and_has_nothing_twice(tmp_path: Path) -> None:
    """
    The agents keep what was not acknowledged; the hub knows what it has. Its incidents go out as well.
    """
    hub, sent = HubProcess(tmp_path), set[str]()
    await asyncio.to_thread(hub.start)
    url = f"http://127.0.0.1:{hub.webhook}/v1/events"
    agents = [
        AgentOutbox(await Store.open(tmp_path / f"{host}.db"), host, url, secret_file(tmp_path, host)) for host in HOSTS
    ]
    async with asyncio.TaskGroup() as tasks:
        couriers = [tasks.create_task(agent.courier.run()) for agent in agents]
        for number in range(EVENTS):
            sent |= {await agent.publish(number) for agent in agents}
            if number % (EVENTS // KILLS) == EVENTS // KILLS // 2:
                hub.end(signal.SIGKILL)
                await asyncio.to_thread(hub.start)
                for agent in agents:
                    agent.courier.retry()
        drained = [await agent.courier.drain(60) for agent in agents]
        for courier in couriers:
            courier.cancel()
    assert all(drained)
    hosts = hub.ask("v1/hosts")["hosts"]
    incidents = hub.ask("v1/incidents")["events"]
    hub.end(signal.SIGTERM)
    with History(tmp_path / "hub.db") as past:
        stored = [event.id for event in past.events() if event.type != "exit137.fleet_incident"]
    assert sorted(stored) == sorted(sent)
    assert {host["id"] for host in hosts} == {host_id(host) for host in HOSTS}
    assert incidents
    lines = (tmp_path / "incidents.jsonl").read_text().splitlines()
    opened = [line for line in map(json.loads, lines) if line["data"]["exit137"]["fleet"]["state"] == "open"]
    assert len({line["id"] for line in opened}) == len(opened) >= 1
    for agent in agents:
        await agent.store.aclose()

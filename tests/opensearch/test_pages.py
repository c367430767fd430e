"""
The pages of a hub look the same over both stores.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp

from collector.config.hub import HubConfig
from collector.config.sections import Config
from collector.runtime.managers import cancel
from fleet.arrival import arrivals
from fleet.demo import DemoClock, play
from fleet.incidents.detector import Detector
from fleet.intake import FleetIntake
from fleet.pages.server import FleetPages
from fleet.simulation import Scenario
from sinks.event import Event, EventType
from tests.opensearch.node import Node
from tests.shared.hub_events import BEGIN_NS, SECOND, body, death, status
from tests.shared.hub_stores import Kept, cluster, sqlite

NOW_NS: Final = BEGIN_NS + 200 * SECOND
SCENARIO: Final = Scenario(seed=37, hosts=12, services=6, days=1.0, rarest_death_s=5e5, commonest_death_s=5e4)
MOST_PAGES: Final = 120
LINKS: Final = re.compile(r'href="/((?:service|host|incident)[^"]*)"')
# The numbers of events differ: they are those of each store.
NUMBERS: Final = re.compile(r'(before=|"cursor":")\d+')


def host_dies() -> list[Event]:
    """
    Four services of a host die, and the other hosts are well: an incident.
    """
    dead = [death(1, 160 + number, service) for number, service in enumerate(("api", "db", "web", "mail"))]
    return [*(status(host, 150) for host in range(1, 7)), *dead]


@asynccontextmanager
async def pages(kept: Kept) -> AsyncIterator[str]:
    """
    A store with the events of a fleet, and the incidents that they open; yields the address.
    """
    clock = DemoClock()
    intake = FleetIntake(kept.store, Detector(), [], wall_ns=clock)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(intake.run(), name="intake")
        await play(intake, clock, SCENARIO, BEGIN_NS)
        await cancel(running)
    for event in host_dies():
        clock.at_ns = event.time_ns
        stored = intake.offer(arrivals(body(event)))
        await intake._turn()
        assert stored.done()
    await asyncio.to_thread(kept.refresh)
    served = FleetPages(Config(hub=HubConfig(listen="127.0.0.1:0")), kept.past, wall_ns=lambda: NOW_NS)
    await served.load(kept.store)
    try:
        yield await served.start()
    finally:
        await served.aclose()


def same(text: str) -> str:
    """
    Return a text without the numbers of events.
    """
    return NUMBERS.sub(r"\1N", text)


async def content(url: str) -> Mapping[str, str]:
    """
    Every page that the lists lead to, and `/v1`, with its status.
    """
    found: dict[str, str] = {}
    ahead = ["", "incidents", "v1/hosts", "v1/incidents?state=all", "v1/events?limit=500", "v1/events?text=OOM"]
    ahead += ["incidents?kind=oom_kill&text=memory", "incidents?span=24h&cause=oom_kill", "incident/nobody"]
    async with aiohttp.ClientSession() as client:
        while ahead:
            path = ahead.pop(0)
            async with client.get(url + path) as answer:
                text = await answer.text()
            found[same(path)] = f"{answer.status} {same(text)}"
            links = dict.fromkeys(link.replace("&amp;", "&") for link in LINKS.findall(text))
            new = [link for link in links if same(link) not in found and link not in ahead]
            ahead += new[:40]
            if len(found) > MOST_PAGES:
                break
    return found


async def test_every_page_is_the_same_over_both_stores(running: Node, tmp_path: Path) -> None:
    """
    The overview, lists, services, hosts, incidents of the fleet and single events, and what `/v1` answers.
    """
    async with sqlite(tmp_path) as kept, pages(kept) as url:
        expected = await content(url)
        assert await kept.store.events(types=[EventType.FLEET_INCIDENT.value])
    async with cluster(running) as kept, pages(kept) as url:
        found = await content(url)
    assert len(expected) > 40
    assert {text[:3] for text in expected.values()} == {"200", "404"}
    assert list(found) == list(expected)
    for path, text in expected.items():
        assert found[path] == text, path

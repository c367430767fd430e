"""
A hub's pages over a store that a small fleet fills.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from collector.config.hub import HubConfig
from collector.config.sections import Config, StoreConfig
from collector.delivery import addressed
from collector.store import History, Store
from fleet.arrival import arrivals
from fleet.incidents import Detector, Incident, event_of
from fleet.intake import FleetIntake
from fleet.pages.server import FleetPages
from sinks.event import Event, Fleet, FleetKind, IncidentState, VersionFigures
from tests.shared.hub_events import BEGIN_NS, SECOND, body, death, status

NOW_NS = BEGIN_NS + 200 * SECOND
SCRIPT = "<script>alert(1)</script>"


def regression() -> Event:
    fleet = Fleet(
        kind=FleetKind.REGRESSION,
        state=IncidentState.OPEN,
        incident_id="i",
        service="shop",
        before=VersionFigures(version="1.0", deaths=2, container_hours=1000.0),
        after=VersionFigures(version="2.0", deaths=9, container_hours=300.0),
        rate_ratio=15.0,
        rate_ratio_low=6.0,
        e_value=5000.0,
    )
    return event_of(Incident(fleet=fleet, sequence=0, at_ns=NOW_NS))


@asynccontextmanager
async def pages(folder: Path, *incidents: Event, **hub: Any) -> AsyncIterator[str]:  # noqa: ANN401 (any setting)
    """
    A hub where one of six hosts lost four services; yields the address.

    Args:
        folder: of its store.
        incidents: what is open besides.
        hub: settings.
    """
    store = await Store.open(folder / "hub.db", wall_ns=lambda: NOW_NS, is_of_hosts=True)
    clock = {"ns": BEGIN_NS}
    intake = FleetIntake(store, Detector(), [], wall_ns=lambda: clock["ns"])
    events = [status(host, 150) for host in range(1, 7)]
    events += [death(1, 160 + number, name) for number, name in enumerate(("api", "db", "web", SCRIPT))]
    for event in events:
        clock["ns"] = event.time_ns or 0
        intake.offer(arrivals(body(event)))
        await intake._turn()
    await store.commit([addressed(incident, ()) for incident in incidents], {})
    config = Config(store=StoreConfig(path=str(folder / "hub.db")), hub=HubConfig(listen="127.0.0.1:0", **hub))
    served = FleetPages(config, lambda: History(folder / "hub.db"), wall_ns=lambda: NOW_NS)
    await served.load(store)
    try:
        yield await served.start()
    finally:
        await served.aclose()
        await store.aclose()


@contextmanager
def served_hub(folder: Path, *incidents: Event) -> Iterator[str]:
    """
    Serve the pages in a thread; yield the address of the first page.
    """
    address: list[str] = []
    started, stops = threading.Event(), []

    async def serve() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        stops.append(lambda: loop.call_soon_threadsafe(stop.set))
        async with pages(folder, *incidents) as url:
            address.append(url)
            started.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert started.wait(30)
        yield address[0].rstrip("/")
    finally:
        stops[0]()
        thread.join()

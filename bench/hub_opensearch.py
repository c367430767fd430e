"""
What a hub over OpenSearch takes in a second, and how fast its pages are.

    python bench/hub_opensearch.py [EVENTS]

Starts the node of tests/opensearch (heap of 512 MB), and stores deaths of 500 hosts and 60 services through intake and
store, as the inputs of the hub hand them over. CPU time is that of the hub, without the node's. Then it asks for each
page 20 times.
"""

import asyncio
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

# Not the folder of this program: it has the name of a package.
sys.path[0] = str(Path(__file__).parents[1])

from collector.config.hub import HubConfig  # noqa: E402 (found by the line before)
from collector.config.sections import Config  # noqa: E402 (the same)
from collector.runtime.managers import cancel  # noqa: E402 (the same)
from fleet.arrival import Arrival, arrivals  # noqa: E402 (the same)
from fleet.intake import BusyError, FleetIntake  # noqa: E402 (the same)
from fleet.opensearch.store import ClusterStore  # noqa: E402 (the same)
from fleet.pages.server import FleetPages  # noqa: E402 (the same)
from tests.opensearch.node import Node, node  # noqa: E402 (the same)
from tests.shared.hub_events import BEGIN_NS, SECOND, body, death  # noqa: E402 (the same)
from tests.shared.hub_stores import config_of  # noqa: E402 (the same)

_EVENTS: Final = 60_000
_HOSTS: Final = 500
_SERVICES: Final = 60
_AT_ONCE: Final = 256
_ASKED: Final = 20
_BUSY_S: Final = 0.01
_MS: Final = 1000.0
_US: Final = 1e6


def events_of(count: int) -> list[Arrival]:
    """
    Return deaths, ten a second.
    """
    made = (death(number % _HOSTS, number, f"s{number % _SERVICES}") for number in range(count))
    timed = (replace(event, time_ns=BEGIN_NS + number * SECOND // 10) for number, event in enumerate(made))
    return [arrivals(body(event))[0] for event in timed]


async def store_all(store: ClusterStore, events: Sequence[Arrival]) -> None:
    """
    Store events, and print what it took.
    """
    intake = FleetIntake(store, None, ())
    began_s, cpu_s = time.monotonic(), time.process_time()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(intake.run(), name="intake")
        begin = 0
        while begin < len(events):
            try:
                stored = intake.offer(events[begin : begin + _AT_ONCE])
            except BusyError:
                await asyncio.sleep(_BUSY_S)
                continue
            begin += _AT_ONCE
        await stored
        took_s, used_s = time.monotonic() - began_s, time.process_time() - cpu_s
        await cancel(running)
    print(
        f"{len(events):,} events: {len(events) / took_s:,.0f} a second, {_US * used_s / len(events):.0f} us of CPU each"
    )


async def ask_pages(store: ClusterStore, event_id: str) -> None:
    """
    Ask for each page, and print how long the answers took.
    """
    pages = FleetPages(Config(hub=HubConfig(listen="127.0.0.1:0")), store.past)
    await pages.load(store)
    url = await pages.start()
    for path in ("", "incidents", "incidents?text=c12", "service?name=s3", f"incident/{event_id}", "v1/events"):
        took_ms = [_MS * await asyncio.to_thread(_ask, url + path) for _ in range(_ASKED)]
        print(f"/{path}: median {statistics.median(took_ms):.0f} ms, longest {max(took_ms):.0f} ms")
    await pages.aclose()


def _ask(url: str) -> float:
    began_s = time.monotonic()
    with urllib.request.urlopen(url) as answer:  # noqa: S310 (our own pages)
        answer.read()
    return time.monotonic() - began_s


async def measure(to: Node, count: int) -> None:
    """
    Store so many events, and ask for the pages.
    """
    store = ClusterStore(config_of(to, "bench"))
    await store.prepare()
    events = events_of(count)
    await store_all(store, events)
    await asyncio.to_thread(to.ask, "POST", "bench-events/_flush?force=true")
    await asyncio.to_thread(to.ask, "POST", "bench-events/_refresh")
    stats = (await asyncio.to_thread(to.ask, "GET", "bench-events/_stats/store"))["_all"]["primaries"]["store"]
    sent_bytes = sum(len(event.stored.body) for event in events)
    print(f"{stats['size_in_bytes'] / count:.0f} bytes on the disk for an event of {sent_bytes / count:.0f}")
    await ask_pages(store, events[count // 2].id)
    await store.aclose()


def main() -> None:
    """
    Start the node, and measure.
    """
    count = int(sys.argv[1]) if len(sys.argv) > 1 else _EVENTS
    with tempfile.TemporaryDirectory() as folder, node(Path(folder)) as to:
        asyncio.run(measure(to, count))


if __name__ == "__main__":
    main()

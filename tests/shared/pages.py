"""
The pages of a store that a test fills, served on a free port.
"""

import asyncio
import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from collector.config.sections import Config, SourcesConfig, StoreConfig, WebConfig
from collector.config.sources import MemoryConfig
from collector.recordings.replay import load, play
from collector.store import Store, StoredEvent
from collector.store.database import lock_of
from collector.web.pages.server import Pages
from sinks.event import to_json
from sinks.event.reader import read_event, time_ns
from tests.shared.incidents import HOSTILE, hostile_body, leak_events, service_bodies, spike_events

RECORDING: Final = Path(__file__).parents[1] / "recordings/debian12-docker20-cgroup2"
_STARTED_S: Final = 30.0


def config_of(path: Path, cgroups: Path | None = None, **web: object) -> Config:
    """
    Return the configuration of pages for this store, on a free port.
    """
    memory = MemoryConfig(cgroups=str(cgroups)) if cgroups is not None else MemoryConfig()
    return Config(
        store=StoreConfig(path=str(path)),
        sources=SourcesConfig(memory=memory),
        web=msgspec.convert({"listen": "127.0.0.1:0", **web}, WebConfig),
    )


def stored(body: bytes) -> StoredEvent:
    """
    Return a published event as the agent stores it.
    """
    event = read_event(body)
    container = event.data.container
    return StoredEvent(
        id=event.id,
        type=event.type,
        subject=event.subject,
        key=event.subject,
        time_ns=time_ns(event.time),
        container_id=container.id if container is not None else None,
        body=body,
        sinks=(),
    )


async def fill(path: Path, bodies: Iterable[bytes]) -> None:
    """
    Write a store as the agent does.
    """
    store = await Store.open(path, max_bytes=2**30)
    await store.commit([stored(body) for body in bodies], {})
    await store.aclose()


def stop_agent(path: Path, ago_s: float) -> None:
    """
    Let the agent have given its last sign of life some time ago.
    """
    os.utime(lock_of(path), times=(time.time() - ago_s,) * 2)


def recorded() -> list[bytes]:
    """
    Return the events of a recording, of a leak and of a spike, and one whose every text is hostile.
    """
    bodies = [to_json(event) for event in (*play(load(RECORDING)), *leak_events(), *spike_events())]
    return [
        *bodies,
        *service_bodies(),
        hostile_body(" ".join(HOSTILE[:-1])),
        hostile_body(HOSTILE[-1]).replace(b"1111-5111", b"2222-5222"),
    ]


@contextmanager
def served(config: Config, deadline_s: float = 10.0) -> Iterator[str]:
    """
    Serve pages in a thread; yield the address of the first page.
    """
    address: list[str] = []
    started, stops = threading.Event(), []

    def ready(url: str) -> None:
        address.append(url)
        started.set()

    async def serve() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        stops.append(lambda: loop.call_soon_threadsafe(stop.set))
        await Pages(config, deadline_s).run(stop, ready)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert started.wait(_STARTED_S)
        yield address[0].rstrip("/")
    finally:
        stops[0]()
        thread.join()

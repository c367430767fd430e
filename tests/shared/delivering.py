"""
The real delivery from a real store, with short waits.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collector.delivery import Courier
from collector.metrics import Metrics
from collector.store import Store, StoredEvent
from sinks import load
from sinks.base import Outgoing, SinkConfig

_WAIT_S: Final = 0.2


class Hurried:
    """
    A clock that skips most of each wait.
    """

    def __init__(self) -> None:
        self._skipped_s = 0.0

    def now_s(self) -> float:
        return time.time() + self._skipped_s

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        waits_s = None if seconds is None else min(seconds, _WAIT_S)
        try:
            async with asyncio.timeout(waits_s):
                await event.wait()
        except TimeoutError:
            if seconds is not None and waits_s is not None:
                self._skipped_s += seconds - waits_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivering:
    """
    A store, and the courier that delivers its events.
    """

    store: Store
    courier: Courier
    task: asyncio.Task[None]

    async def put(self, events: Iterable[Outgoing]) -> None:
        await self.store.commit([stored(event) for event in events], {})
        self.courier.wake()


@asynccontextmanager
async def delivering(folder: Path, config: SinkConfig) -> AsyncIterator[Delivering]:
    """
    Deliver to a sink named `bus` until the block ends.
    """
    store = await Store.open(folder / "s.db")
    sink = load(config.type)[1](config)
    courier = Courier(config, sink, store=store, metrics=Metrics(sinks=[config.name]), clock=Hurried())
    try:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(courier.run())
            yield Delivering(store=store, courier=courier, task=task)
            task.cancel()
    finally:
        await store.aclose()


def stored(event: Outgoing) -> StoredEvent:
    """
    Return an event as it is stored for the sink `bus`.
    """
    return StoredEvent(
        id=event.id,
        type=event.type,
        subject=f"container/{event.key}",
        key=event.key,
        time_ns=1,
        container_id=event.key,
        body=event.body,
        sinks=("bus",),
    )

"""
A courier over a real store, with a sink that fails as scripted and a clock that moves only when it is waited on.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from collector.delivery import Courier
from collector.metrics import Metrics
from collector.store import Store, StoredEvent
from sinks.base import Outgoing, Sink, SinkConfig
from sinks.errors import DisabledError, PartialError, PermanentError, Reason, TransientError

BUSY = TransientError(Reason.SERVER_ERROR, "busy")
BAD = PermanentError(Reason.REJECTED, "bad")
GONE = DisabledError(Reason.NO_SUCH_TARGET, "gone")


class FakeClock:
    """
    A clock whose time passes only by waiting on it.
    """

    def __init__(self) -> None:
        self.time_s = 1_000_000.0
        self.waits: list[float] = []

    def now_s(self) -> float:
        return self.time_s

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        if seconds is None:
            await event.wait()
            return
        self.waits.append(seconds)
        self.time_s += seconds
        await asyncio.sleep(0)


class ScriptedSink:
    """
    Raises the given failures, one per send, then accepts everything but the events in `poison`.
    """

    max_batch = 500

    def __init__(self, *failures: Exception, poison: Sequence[str] = ()) -> None:
        self.failures = list(failures)
        self.poison = poison
        self.accepted: list[str] = []
        self.sizes: list[int] = []
        self.opened = 0
        self.closed = False

    async def open(self) -> None:
        self.opened += 1

    async def send(self, batch: Sequence[Outgoing]) -> None:
        self.sizes.append(len(batch))
        if self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, PartialError):
                self.accepted += [event.id for event in batch if event.id not in failure.failures]
            raise failure
        if any(event.id in self.poison for event in batch):
            raise BAD
        self.accepted += [event.id for event in batch]

    async def aclose(self) -> None:
        self.closed = True


class HangingSink(ScriptedSink):
    """
    Never returns from a send.
    """

    async def send(self, batch: Sequence[Outgoing]) -> None:
        await asyncio.Event().wait()


class Highest(random.Random):
    """
    The jitter that always waits longest.
    """

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


def stored(event_id: str, *sinks: str, key: str = "k") -> StoredEvent:
    return StoredEvent(
        id=event_id,
        type="exit137.oom_kill",
        subject="container/c",
        key=key,
        time_ns=1,
        container_id="c",
        body=b"{}",
        sinks=sinks,
    )


@asynccontextmanager
async def running(
    store: Store, metrics: Metrics, sink: Sink, *, name: str = "a", clock: FakeClock | None = None, **settings: float
) -> AsyncIterator[Courier]:
    """
    Run a courier.
    """
    config = SinkConfig(name=name, type="scripted", **settings)
    courier = Courier(config, sink, store=store, metrics=metrics, clock=clock or FakeClock(), rng=Highest())
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(courier.run())
        yield courier
        task.cancel()


async def until(condition: Callable[[], bool]) -> None:
    """
    Let the other tasks work until a condition is true.
    """
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 (nothing signals the condition)
            await asyncio.sleep(0)


async def deliver(store: Store, metrics: Metrics, sink: ScriptedSink, *ids: str, **settings: float) -> FakeClock:
    """
    Store these events, deliver them all, and return the clock.
    """
    clock = FakeClock()
    await store.commit([stored(event_id, "a") for event_id in ids], {})
    async with running(store, metrics, sink, clock=clock, **settings) as courier:
        assert await courier.drain(5)
    return clock

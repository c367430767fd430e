"""
What the benchmarks of sinks share: sending events by the sink alone, and from the store through its courier.

Not a program. Measures time and CPU, and prints nothing.
"""

import asyncio
import resource
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path

import uvloop

from collector.delivery import Courier
from collector.metrics import Metrics
from collector.store import Store, StoredEvent
from sinks.base import Outgoing, Sink, SinkConfig

_DRAIN_S = 120.0


def measured(sending: Coroutine[None, None, float], events: int) -> tuple[float, float]:
    """
    Return the events per second, and the share of a core that it took.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        cpu_s = _cpu_s()
        spent_s = runner.run(sending)
        return events / spent_s, (_cpu_s() - cpu_s) / spent_s


async def through_sink(sink: Sink, events: Sequence[Outgoing]) -> float:
    """
    Send all events by the sink alone. Return the seconds.
    """
    await sink.open()
    began = time.perf_counter()
    for start in range(0, len(events), sink.max_batch):
        await sink.send(events[start : start + sink.max_batch])
    spent_s = time.perf_counter() - began
    await sink.aclose()
    return spent_s


async def from_store(config: SinkConfig, sink: Sink, events: Sequence[Outgoing], path: Path) -> float:
    """
    Deliver all events from a store. Return the seconds.
    """
    store = await Store.open(path)
    await store.commit([stored(event, config.name) for event in events], {})
    courier = Courier(config, sink, store=store, metrics=Metrics(sinks=[config.name]))
    async with asyncio.TaskGroup() as tasks:
        began = time.perf_counter()
        task = tasks.create_task(courier.run(), name="courier")
        if not await courier.drain(_DRAIN_S):
            raise SystemExit("not everything was delivered")
        spent_s = time.perf_counter() - began
        task.cancel()
    await store.aclose()
    return spent_s


def stored(event: Outgoing, sink: str) -> StoredEvent:
    """
    Return an event as it is stored for a sink.
    """
    return StoredEvent(
        id=event.id,
        type=event.type,
        subject=f"container/{event.key}",
        key=event.key,
        time_ns=time.time_ns(),
        container_id=event.key,
        body=event.body,
        sinks=(sink,),
    )


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

"""
Stores 100,000 events during one hour without a Kafka broker, then starts the broker: does every event arrive, in order?

    python bench/kafka_outage.py

The hour is simulated: the clock moves when the agent waits. Broker, store and events are real. The memory of the agent
is printed before, during and after the outage. The events are made in another process.
"""

import asyncio
import logging
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import uvloop

from bench.kafka import PARTITIONS, recorded
from bench.shared.sending import stored
from collector.delivery import Courier
from collector.metrics import Metrics
from collector.store import Store
from sinks.base import Outgoing
from sinks.kafka import KafkaConfig, KafkaSink
from tests.kafka.broker import JARS, Broker, broker
from tests.kafka.reader import read
from tests.shared.numbered import disordered

EVENTS: Final = 100_000
AT_ONCE: Final = 500
PRINT_EVERY: Final = 20_000
OUTAGE_S: Final = 3600.0
STORE_BYTES: Final = 1 << 30
DRAIN_S: Final = 300.0
MIB: Final = 1 << 20
TOPIC: Final = "outage"


class SimulatedClock:
    """
    A clock that moves at once when something waits on it.
    """

    def __init__(self) -> None:
        self.skipped_s = 0.0

    def now_s(self) -> float:
        """
        Return the seconds since 1970.
        """
        return time.time() + self.skipped_s

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """
        Wait for the event if there is no time limit; otherwise only move the clock.
        """
        if seconds is None:
            await event.wait()
            return
        self.skipped_s += seconds
        await asyncio.sleep(0)


def main() -> None:
    """
    Print the result.
    """
    if (reason := JARS.problem()) is not None:
        raise SystemExit(reason)
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(dir=".") as folder, broker(Path(folder)) as cluster:
        cluster.create(TOPIC, PARTITIONS)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_outage(cluster, Path(folder) / "s.db"))
        arrived = read(cluster.address(), TOPIC, EVENTS)
    ids = {record.id for record in arrived}
    wrong = disordered((record.key, record.id) for record in arrived)
    print(f"{len(ids):,} events arrived, {len(arrived) - len(ids)} of them twice, {len(wrong)} out of order")


async def _outage(cluster: Broker, path: Path) -> None:
    store = await Store.open(path, max_bytes=STORE_BYTES)
    config = KafkaConfig(
        name="bus", type="kafka", bootstrap_servers=(cluster.address(),), topic=TOPIC, timeout_s=2, client_id="bench"
    )
    clock = SimulatedClock()
    courier = Courier(config, KafkaSink(config), store=store, metrics=Metrics(sinks=[config.name]), clock=clock)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(courier.run(), name="courier")
        _print_state("connected", store)
        cluster.kill()
        for number, events in enumerate(_events(), start=1):
            await store.commit([stored(event, config.name) for event in events], {})
            courier.wake()
            if number * AT_ONCE % PRINT_EVERY == 0:
                _print_state("no broker", store)
        while clock.skipped_s < OUTAGE_S:  # noqa: ASYNC110 (nothing signals it)
            await asyncio.sleep(0.01)
        _print_state(f"after {clock.skipped_s:,.0f} s without a broker", store)
        await asyncio.to_thread(cluster.start)
        began_s = time.monotonic()
        if not await courier.drain(DRAIN_S):
            raise SystemExit(f"not everything was delivered: {courier.health.why}")
        spent_s = time.monotonic() - began_s
        _print_state(f"drained in {spent_s:.1f} s, {EVENTS / spent_s:,.0f}/s", store)
        task.cancel()
    await store.aclose()


def _print_state(what: str, store: Store) -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    resident = pages * os.sysconf("SC_PAGE_SIZE") / MIB
    print(f"{what}: {store.depth('bus'):,} events pending, {resident:.0f} MiB resident", flush=True)


def _events() -> Iterator[list[Outgoing]]:
    """
    Yield the events, some at a time.
    """
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_make, args=(theirs,), daemon=True)
    process.start()
    while events := ours.recv():
        yield events
    process.join()


def _make(to: Connection) -> None:
    events = recorded(EVENTS)
    for start in range(0, EVENTS, AT_ONCE):
        to.send(events[start : start + AT_ONCE])
    to.send([])


if __name__ == "__main__":
    main()

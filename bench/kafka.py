"""
Events per second to a real Kafka broker, under each compression: by the sink alone, and from the store to the answer.

    python bench/kafka.py

The events are those of the recorded host, again and again with new ids, from 64 containers, to 12 partitions. The
broker runs on the same host, with acks=all and one replica. The store is on the disk of the working directory.
"""

import asyncio
import logging
import resource
import tempfile
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Final

import orjson
import uvloop

from collector.delivery import Courier
from collector.metrics import Metrics
from collector.replay import load, play
from collector.store import Store, StoredEvent
from sinks.base import Outgoing
from sinks.event import to_json
from sinks.kafka import KafkaConfig, KafkaSink
from sinks.kafka.config import Compression
from tests.kafka.broker import Broker, broker, problem

RECORDED: Final = Path(__file__).parents[1] / "tests/recordings/debian12-docker20-cgroup2"
EVENTS: Final = 30_000
CONTAINERS: Final = 64
PARTITIONS: Final = 12
DRAIN_S: Final = 120.0


def main() -> None:
    """
    Print two lines for each compression.
    """
    if (reason := problem()) is not None:
        raise SystemExit(reason)
    logging.disable(logging.WARNING)
    events = recorded(EVENTS)
    mean_bytes = sum(len(event.body) for event in events) / len(events)
    print(f"{len(events)} events of {mean_bytes:.0f} bytes in the mean")
    with tempfile.TemporaryDirectory(dir=".") as folder, broker(Path(folder)) as cluster:
        _measured(_sink_alone(_config(cluster, Compression.NONE, "warm-up"), events))
        for compression in Compression:
            alone = _sink_alone(_config(cluster, compression, f"alone-{compression}"), events)
            _tell(f"sink alone, {compression}:", *_measured(alone))
            path = Path(folder) / f"{compression}.db"
            stored = _from_store(_config(cluster, compression, f"stored-{compression}"), events, path)
            _tell(f"from the store, {compression}:", *_measured(stored))


def recorded(count: int) -> list[Outgoing]:
    """
    So many events of the recorded host.
    """
    documents = [orjson.loads(to_json(event)) for event in play(load(RECORDED))]
    found = []
    for number in range(count):
        event_id = f"e{number:06}"
        document = documents[number % len(documents)] | {"id": event_id}
        key = f"c{number % CONTAINERS}"
        found.append(Outgoing(id=event_id, type=document["type"], key=key, body=orjson.dumps(document)))
    return found


def stored(event: Outgoing, sink: str) -> StoredEvent:
    """
    The same as it waits for a sink.
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


def _tell(what: str, per_s: float, cpu: float) -> None:
    print(f"{what:24} {per_s:7,.0f}/s  ({cpu:.2f} of a core, {per_s / cpu:,.0f}/s for a whole one)")


def _config(cluster: Broker, compression: Compression, topic: str) -> KafkaConfig:
    cluster.create(topic, PARTITIONS)
    return KafkaConfig(
        name="bus", type="kafka", bootstrap_servers=(cluster.address(),), topic=topic, compression=compression
    )


def _measured(sending: Coroutine[None, None, float]) -> tuple[float, float]:
    """
    Events per second, and how much of a core it took.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        cpu_s = _cpu_s()
        spent_s = runner.run(sending)
        return EVENTS / spent_s, (_cpu_s() - cpu_s) / spent_s


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def _sink_alone(config: KafkaConfig, events: Sequence[Outgoing]) -> float:
    sink = KafkaSink(config)
    await sink.open()
    began = time.perf_counter()
    for start in range(0, len(events), sink.max_batch):
        await sink.send(events[start : start + sink.max_batch])
    spent_s = time.perf_counter() - began
    await sink.aclose()
    return spent_s


async def _from_store(config: KafkaConfig, events: Sequence[Outgoing], path: Path) -> float:
    store = await Store.open(path)
    await store.commit([stored(event, config.name) for event in events], {})
    courier = Courier(config, KafkaSink(config), store=store, metrics=Metrics(sinks=[config.name]))
    async with asyncio.TaskGroup() as tasks:
        began = time.perf_counter()
        task = tasks.create_task(courier.run(), name="courier")
        if not await courier.drain(DRAIN_S):
            raise SystemExit("not all was delivered")
        spent_s = time.perf_counter() - began
        task.cancel()
    await store.aclose()
    return spent_s


if __name__ == "__main__":
    main()

"""
Measures events per second to a real Kafka broker for each compression: by the sink alone, and from the store to the
acknowledgement.

    python bench/kafka.py

The events are those of a recorded host, repeated with new ids, from 64 containers, to 12 partitions. The broker runs on
the same host, with acks=all and one replica. The store is on the disk of the working directory.
"""

import logging
import tempfile
from pathlib import Path
from typing import Final

import orjson

from bench.shared.sending import from_store, measured, through_sink
from collector.recordings.replay import load, play
from sinks.base import Outgoing
from sinks.event import to_json
from sinks.kafka import KafkaConfig, KafkaSink
from sinks.kafka.config import Compression
from tests.kafka.broker import JARS, Broker, broker

RECORDED: Final = Path(__file__).parents[1] / "tests/recordings/debian12-docker20-cgroup2"
EVENTS: Final = 30_000
CONTAINERS: Final = 64
PARTITIONS: Final = 12


def main() -> None:
    """
    Print two lines per compression.
    """
    if (reason := JARS.problem()) is not None:
        raise SystemExit(reason)
    logging.disable(logging.WARNING)
    events = recorded(EVENTS)
    mean_bytes = sum(len(event.body) for event in events) / len(events)
    print(f"{len(events)} events of {mean_bytes:.0f} bytes on average")
    with tempfile.TemporaryDirectory(dir=".") as folder, broker(Path(folder)) as cluster:
        measured(through_sink(KafkaSink(_config(cluster, Compression.NONE, "warm-up")), events), EVENTS)
        for compression in Compression:
            alone = through_sink(KafkaSink(_config(cluster, compression, f"alone-{compression}")), events)
            _print_rate(f"sink alone, {compression}:", *measured(alone, EVENTS))
            path = Path(folder) / f"{compression}.db"
            config = _config(cluster, compression, f"stored-{compression}")
            stored = from_store(config, KafkaSink(config), events, path)
            _print_rate(f"from the store, {compression}:", *measured(stored, EVENTS))


def recorded(count: int) -> list[Outgoing]:
    """
    Return this many events of the recorded host.
    """
    documents = [orjson.loads(to_json(event)) for event in play(load(RECORDED))]
    found = []
    for number in range(count):
        event_id = f"e{number:06}"
        document = documents[number % len(documents)] | {"id": event_id}
        key = f"c{number % CONTAINERS}"
        found.append(Outgoing(id=event_id, type=document["type"], key=key, body=orjson.dumps(document)))
    return found


def _print_rate(what: str, per_s: float, cpu: float) -> None:
    print(f"{what:24} {per_s:7,.0f}/s  ({cpu:.2f} of a core, {per_s / cpu:,.0f}/s for a whole core)")


def _config(cluster: Broker, compression: Compression, topic: str) -> KafkaConfig:
    cluster.create(topic, PARTITIONS)
    return KafkaConfig(
        name="bus", type="kafka", bootstrap_servers=(cluster.address(),), topic=topic, compression=compression
    )


if __name__ == "__main__":
    main()

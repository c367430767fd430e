"""
A simulated fleet in a topic, and the incidents that the hub's own code finds in it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

import orjson
from confluent_kafka import Producer

from fleet.incidents.detector import Detector
from fleet.incidents.event import publish
from fleet.simulation import Scenario, simulate
from sinks.base import Outgoing
from sinks.formats import Format
from sinks.kafka.config import Mode
from sinks.kafka.records import record
from tests.kafka.broker import Broker

PARTITIONS: Final = 3
_NOW: Final = datetime(2026, 11, 22, tzinfo=UTC)
_NS_PER_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Sent:
    """
    An event, and when its record was written, milliseconds since 1970.
    """

    at_ms: int
    event: dict[str, Any]


def story(scenario: Scenario, count: int) -> list[Sent]:
    """
    Return the first events of a fleet, as its agents send them: some twice, some late.
    """
    return [Sent(item.at_ns // _NS_PER_MS, item.event) for item in islice(simulate(scenario)[0], count)]


def write(broker: Broker, topic: str, events: Iterable[Sent]) -> None:
    """
    Write events in both modes of the sink. Those of a host share a partition; the broker keeps old records.
    """
    broker.create(topic, PARTITIONS, **{"retention.ms": "-1"})
    producer = Producer({"bootstrap.servers": broker.address(), "linger.ms": 50, "log_level": 0})
    for number, sent in enumerate(events):
        event = sent.event
        outgoing = Outgoing(id=event["id"], type=event["type"], key=event["source"], body=orjson.dumps(event))
        written = record(outgoing, Format.CLOUDEVENTS, (Mode.BINARY, Mode.STRUCTURED)[number % 2], _NOW)
        producer.produce(topic, written.value, key=event["source"], headers=list(written.headers), timestamp=sent.at_ms)
        producer.poll(0)
    producer.flush()


def incidents_of_the_hub(events: Sequence[Sent]) -> dict[str, dict[str, Any]]:
    """
    Return the incidents by their ids: every event once, in the order of time.
    """
    first: dict[str, Sent] = {}
    for sent in events:
        first.setdefault(sent.event["id"], sent)
    detector = Detector()
    found = [
        publish(incident)
        for sent in sorted(first.values(), key=lambda sent: (sent.at_ms, sent.event["id"]))
        for incident in detector.observe(sent.event, sent.at_ms * _NS_PER_MS)
    ]
    return {incident["id"]: incident for incident in found}

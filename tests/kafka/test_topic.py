"""
Tests of the topic on a real broker: looked up, created only if configured, and what is written to it.
"""

import logging
from typing import Any

import orjson
import pytest

from sinks.errors import DisabledError, PartialError, PermanentError, Reason
from sinks.kafka import KafkaConfig, KafkaSink
from tests.kafka.broker import Broker
from tests.kafka.target import Target
from tests.shared.numbered import disordered, event, events

LARGEST = 20_000


async def opened(config: KafkaConfig) -> KafkaSink:
    sink = KafkaSink(config)
    await sink.open()
    return sink


async def test_a_missing_topic_needs_a_person(running: Broker, topic: str) -> None:
    """
    A missing topic disables the sink; looking it up does not create it, even if the broker would.
    """
    sink = KafkaSink(Target(broker=running, topic=topic).config())
    with pytest.raises(DisabledError) as caught:
        await sink.open()
    assert caught.value.reason is Reason.NO_SUCH_TARGET
    assert topic not in running.topics()


async def test_a_topic_is_created_if_configured(running: Broker, topic: str) -> None:
    """
    With `create_topic` the topic is created once, with the configured number of partitions.
    """
    target = Target(broker=running, topic=topic)
    config = target.config(create_topic=True, topic_partitions=4, topic_replication=1)
    for number in range(2):
        sink = await opened(config)
        await sink.send([event(number)])
        await sink.aclose()
    assert running.topics()[topic] == 4
    assert len(target.arrived(2)) == 2


async def test_a_topic_cannot_be_on_more_brokers_than_there_are(running: Broker, topic: str) -> None:
    """
    A replication beyond the number of brokers is refused by the broker, and disables the sink.
    """
    sink = KafkaSink(Target(broker=running, topic=topic).config(create_topic=True, topic_replication=3))
    with pytest.raises(DisabledError) as caught:
        await sink.open()
    assert caught.value.reason is Reason.UNUSABLE
    await sink.aclose()


async def test_a_topic_on_one_broker_only_is_warned_of_once(target: Target, caplog: pytest.LogCaptureFixture) -> None:
    """
    A topic on a single broker is warned of once, not at every reconnection.
    """
    sink = await opened(target.config())
    await sink.open()
    await sink.aclose()
    (record,) = [item for item in caplog.records if item.levelno == logging.WARNING]
    assert "replication 1" in record.getMessage()


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
async def test_events_arrive_whole_under_each_compression(target: Target, compression: str) -> None:
    """
    With each compression events arrive intact and in the order of their container, which stays in one partition.
    """
    sink = await opened(target.config(compression=compression))
    sent = events(range(1200), keys=20)
    for start in range(0, len(sent), 500):
        await sink.send(sent[start : start + 500])
    await sink.aclose()
    arrived = target.arrived(len(sent))
    assert sorted(record.id for record in arrived) == [item.id for item in sent]
    assert disordered((record.key, record.id) for record in arrived) == []
    assert len({(record.key, record.partition) for record in arrived}) == 20


@pytest.mark.parametrize("mode", ["binary", "structured"])
async def test_both_modes_of_the_binding_arrive(target: Target, mode: str) -> None:
    """
    In binary mode the body is the data and the rest is in headers; in structured mode the body is the whole event.
    """
    sink = await opened(target.config(mode=mode))
    sent = event(1, text="Ünïcödé")
    await sink.send([sent])
    await sink.aclose()
    (record,) = target.arrived(1)
    whole: dict[str, Any] = orjson.loads(sent.body)
    if mode == "structured":
        assert record.headers == {"content-type": "application/cloudevents+json; charset=UTF-8"}
        assert orjson.loads(record.value) == whole
    else:
        assert orjson.loads(record.value) == whole.pop("data")
        assert record.headers.pop("content-type") == whole.pop("datacontenttype")
        assert record.headers == {f"ce_{name}": value for name, value in whole.items()}


@pytest.mark.parametrize("idempotent", [True, False])
async def test_only_what_is_too_large_for_the_topic_is_rejected(running: Broker, topic: str, idempotent: bool) -> None:
    """
    Only events too large for the topic are rejected; all others arrive in order, although their batches were refused at
    first.
    """
    running.create(topic, partitions=2, **{"max.message.bytes": str(LARGEST)})
    target = Target(broker=running, topic=topic)
    sent = [event(number, f"k{number % 5}", "x" * 500) for number in range(200)]
    for number in (0, 77, 199):
        sent[number] = event(number, f"k{number % 5}", "y" * 2 * LARGEST)
    sink = await opened(target.config(compression="none", idempotent=idempotent))
    with pytest.raises(PartialError) as caught:
        await sink.send(sent)
    await sink.send([event(200)])
    await sink.aclose()
    failures = caught.value.failures
    assert {event_id: (type(error), error.reason) for event_id, error in failures.items()} == {
        f"e{number:05}": (PermanentError, Reason.TOO_LARGE) for number in (0, 77, 199)
    }
    arrived = target.arrived(198)
    assert sorted(record.id for record in arrived) == [f"e{n:05}" for n in range(201) if n not in (0, 77, 199)]
    assert disordered((record.key, record.id) for record in arrived) == []


async def test_what_is_larger_than_configured_is_not_sent(target: Target) -> None:
    """
    An event larger than the configured limit is not sent, even if the broker would accept it.
    """
    sink = await opened(target.config(max_request_bytes=1024))
    with pytest.raises(PermanentError) as caught:
        await sink.send([event(1, text="x" * 1024)])
    assert caught.value.reason is Reason.TOO_LARGE
    await sink.send([event(2)])
    await sink.aclose()
    assert [record.id for record in target.arrived(1)] == ["e00002"]

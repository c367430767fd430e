"""
The topic of a real broker: looked for, made only if told to, and what is put in it.
"""

import logging
from typing import Any

import orjson
import pytest

from sinks.errors import DisabledError, PartialError, PermanentError, Reason
from sinks.kafka import KafkaConfig, KafkaSink
from tests.kafka.broker import Broker
from tests.kafka.events import disordered, event, events
from tests.kafka.place import Place

LARGEST = 20_000


async def opened(config: KafkaConfig) -> KafkaSink:
    sink = KafkaSink(config)
    await sink.open()
    return sink


async def test_a_topic_that_is_not_there_needs_a_person(running: Broker, topic: str) -> None:
    """
    Looking for it does not make it, not even where the broker would.
    """
    sink = KafkaSink(Place(broker=running, topic=topic).config())
    with pytest.raises(DisabledError) as caught:
        await sink.open()
    assert caught.value.reason is Reason.NO_SUCH_TARGET
    assert topic not in running.topics()


async def test_a_topic_is_made_if_told_so(running: Broker, topic: str) -> None:
    """
    With as many partitions as configured; once.
    """
    place = Place(broker=running, topic=topic)
    config = place.config(create_topic=True, topic_partitions=4, topic_replication=1)
    for number in range(2):
        sink = await opened(config)
        await sink.send([event(number)])
        await sink.aclose()
    assert running.topics()[topic] == 4
    assert len(place.arrived(2)) == 2


async def test_a_topic_cannot_be_on_more_brokers_than_there_are(running: Broker, topic: str) -> None:
    """
    The broker's refusal to make it needs a person.
    """
    sink = KafkaSink(Place(broker=running, topic=topic).config(create_topic=True, topic_replication=3))
    with pytest.raises(DisabledError) as caught:
        await sink.open()
    assert caught.value.reason is Reason.UNUSABLE
    await sink.aclose()


async def test_a_topic_on_one_broker_only_is_warned_of_once(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """
    Not at every reconnection.
    """
    sink = await opened(place.config())
    await sink.open()
    await sink.aclose()
    (record,) = [item for item in caplog.records if item.levelno == logging.WARNING]
    assert "replication 1" in record.getMessage()


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
async def test_events_arrive_whole_under_each_compression(place: Place, compression: str) -> None:
    """
    In the order of their container, which keeps to one partition.
    """
    sink = await opened(place.config(compression=compression))
    sent = events(range(1200), keys=20)
    for start in range(0, len(sent), 500):
        await sink.send(sent[start : start + 500])
    await sink.aclose()
    arrived = place.arrived(len(sent))
    assert sorted(record.id for record in arrived) == [item.id for item in sent]
    assert disordered((record.key, record.id) for record in arrived) == []
    assert len({(record.key, record.partition) for record in arrived}) == 20


@pytest.mark.parametrize("mode", ["binary", "structured"])
async def test_both_modes_of_the_binding_arrive(place: Place, mode: str) -> None:
    """
    Binary: the document with the rest in headers. Structured: the event as it is.
    """
    sink = await opened(place.config(mode=mode))
    sent = event(1, text="Ünïcödé")
    await sink.send([sent])
    await sink.aclose()
    (record,) = place.arrived(1)
    whole: dict[str, Any] = orjson.loads(sent.body)
    if mode == "structured":
        assert record.headers == {"content-type": "application/cloudevents+json; charset=UTF-8"}
        assert orjson.loads(record.value) == whole
    else:
        assert orjson.loads(record.value) == whole.pop("data")
        assert record.headers.pop("content-type") == whole.pop("datacontenttype")
        assert record.headers == {f"ce_{name}": value for name, value in whole.items()}


@pytest.mark.parametrize("idempotent", [True, False])
async def test_what_is_too_large_for_the_topic_is_put_aside_alone(
    running: Broker, topic: str, idempotent: bool
) -> None:
    """
    All others arrive in their order, though batches with it, and batches too large by themselves, were refused.
    """
    running.create(topic, partitions=2, **{"max.message.bytes": str(LARGEST)})
    place = Place(broker=running, topic=topic)
    sent = [event(number, f"k{number % 5}", "x" * 500) for number in range(200)]
    for number in (0, 77, 199):
        sent[number] = event(number, f"k{number % 5}", "y" * 2 * LARGEST)
    sink = await opened(place.config(compression="none", idempotent=idempotent))
    with pytest.raises(PartialError) as caught:
        await sink.send(sent)
    await sink.send([event(200)])
    await sink.aclose()
    failures = caught.value.failures
    assert {event_id: (type(error), error.reason) for event_id, error in failures.items()} == {
        f"e{number:05}": (PermanentError, Reason.TOO_LARGE) for number in (0, 77, 199)
    }
    arrived = place.arrived(198)
    assert sorted(record.id for record in arrived) == [f"e{n:05}" for n in range(201) if n not in (0, 77, 199)]
    assert disordered((record.key, record.id) for record in arrived) == []


async def test_what_is_larger_than_configured_is_not_sent(place: Place) -> None:
    """
    The broker would have taken it.
    """
    sink = await opened(place.config(max_request_bytes=1024))
    with pytest.raises(PermanentError) as caught:
        await sink.send([event(1, text="x" * 1024)])
    assert caught.value.reason is Reason.TOO_LARGE
    await sink.send([event(2)])
    await sink.aclose()
    assert [record.id for record in place.arrived(1)] == ["e00002"]

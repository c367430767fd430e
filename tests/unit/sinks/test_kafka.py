"""
The Kafka sink: rendering, and a broker that goes away.
"""

import asyncio

import orjson
import pytest
from confluent_kafka import Producer

from sinks.base import Outgoing
from sinks.errors import PermanentError, Reason, TransientError
from sinks.kafka import KafkaConfig, KafkaSink, binary


def event(text: str) -> Outgoing:
    body = {"specversion": "1.0", "id": "1", "datacontenttype": "application/json", "data": {"message": text}}
    return Outgoing(id="1", type="t", key="k", body=orjson.dumps(body))


def test_the_value_is_the_data_and_the_rest_are_headers() -> None:
    """
    CloudEvents Kafka binding 1.0, binary content mode.
    """
    value, headers = binary(event("m").body)
    assert value == b'{"message":"m"}'
    assert dict(headers) == {"ce_specversion": b"1.0", "ce_id": b"1", "content-type": b"application/json"}


def mock_cluster() -> tuple[Producer, KafkaSink]:
    cluster = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock"})
    brokers = tuple(f"{b.host}:{b.port}" for b in cluster.list_topics(timeout=5).brokers.values())
    config = KafkaConfig(name="k", type="kafka", bootstrap_servers=brokers, topic="t", timeout_s=2)
    return cluster, KafkaSink(config)


async def test_a_broker_that_goes_away_is_noticed_in_time() -> None:
    """
    The client itself would wait for ever; closing ends too, and leaves no task behind.
    """
    cluster, sink = mock_cluster()
    await sink.open()
    await sink.send([event("m")])
    del cluster
    with pytest.raises(TransientError):
        async with asyncio.timeout(10):
            await sink.send([event("m")])
    async with asyncio.timeout(10):
        await sink.aclose()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_an_event_that_is_too_large_is_put_aside() -> None:
    """
    It will never be smaller.
    """
    cluster, sink = mock_cluster()
    await sink.open()
    with pytest.raises(PermanentError) as caught:
        await sink.send([event("x" * 2_000_000)])
    await sink.aclose()
    assert caught.value.reason is Reason.TOO_LARGE
    del cluster

"""
Brokers that fail in every way that a client can meet, and how the sink reacts.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest

from sinks.errors import DisabledError, PermanentError, Reason, SinkError, TransientError
from sinks.kafka import KafkaConfig, KafkaSink
from tests.kafka.reader import read
from tests.shared.numbered import event, events
from tests.unit.sinks.kafka.mock import Api, Cluster, Code, cluster

pytestmark = pytest.mark.slow

TOPIC = "t"
TIMEOUT_S = 2.0


@pytest.fixture
def brokers() -> Iterator[Cluster]:
    with cluster() as found:
        found.create(TOPIC, partitions=3)
        yield found


@pytest.fixture
async def sink(brokers: Cluster) -> AsyncIterator[KafkaSink]:
    config = KafkaConfig(name="k", type="kafka", bootstrap_servers=brokers.servers, topic=TOPIC, timeout_s=TIMEOUT_S)
    found = KafkaSink(config)
    await found.open()
    yield found
    async with asyncio.timeout(10):
        await found.aclose()
    # Nothing of it may go on: a producer that is forgotten sends again for ever.
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def refusal(sink: KafkaSink, numbers: range = range(1)) -> SinkError:
    """
    Return the error of a send, which must come in time.
    """
    with pytest.raises(SinkError) as caught:
        async with asyncio.timeout(TIMEOUT_S + 3):
            await sink.send(events(numbers))
    return caught.value


def ids(brokers: Cluster, count: int) -> list[str]:
    return sorted(record.id for record in read(brokers.servers[0], TOPIC, count))


@pytest.mark.parametrize("code", [Code.NOT_LEADER, Code.NOT_ENOUGH_REPLICAS, Code.REQUEST_TIMED_OUT])
async def test_a_failure_that_passes_is_not_reported(brokers: Cluster, sink: KafkaSink, code: Code) -> None:
    """
    The client retries by itself, in the same order.
    """
    brokers.fail(Api.PRODUCE, code)
    await sink.send([event(1), event(2)])
    assert [record.id for record in read(brokers.servers[0], TOPIC, 2)] == ["e00001", "e00002"]


@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [
        (Code.TOPIC_AUTHORIZATION_FAILED, DisabledError, Reason.UNAUTHORIZED),
        (Code.CLUSTER_AUTHORIZATION_FAILED, DisabledError, Reason.UNAUTHORIZED),
        (Code.INVALID_TIMESTAMP, DisabledError, Reason.UNUSABLE),
        (Code.UNSUPPORTED_VERSION, DisabledError, Reason.UNUSABLE),
        (Code.CORRUPT_MESSAGE, TransientError, Reason.SERVER_ERROR),
        (Code.OUT_OF_ORDER_SEQUENCE_NUMBER, TransientError, Reason.SERVER_ERROR),
        (Code.INVALID_PRODUCER_EPOCH, TransientError, Reason.SERVER_ERROR),
        (Code.MESSAGE_TOO_LARGE, PermanentError, Reason.TOO_LARGE),
    ],
)
async def test_each_refusal_says_what_to_do_and_the_next_send_works(
    brokers: Cluster, sink: KafkaSink, code: Code, kind: type[SinkError], reason: Reason
) -> None:
    """
    Each refusal has its class of error, and the next send uses a new producer, because the old one is unusable.
    """
    brokers.fail(Api.PRODUCE, code)
    error = await refusal(sink)
    assert (type(error), error.reason) == (kind, reason)
    await sink.send([event(1)])
    assert ids(brokers, 1) == ["e00001"]


async def test_a_user_without_the_right_to_write_idempotently_learns_of_the_setting(
    brokers: Cluster, sink: KafkaSink
) -> None:
    """
    Old brokers have a separate right for idempotent writes, so the error names the setting that turns them off.
    """
    brokers.fail(Api.INIT_PRODUCER_ID, Code.CLUSTER_AUTHORIZATION_FAILED)
    with pytest.raises(DisabledError) as caught:
        await sink.open()
    assert caught.value.reason is Reason.UNAUTHORIZED
    assert "idempotent = false" in caught.value.detail


async def test_too_few_replicas_are_waited_for_no_longer_than_configured(brokers: Cluster, sink: KafkaSink) -> None:
    """
    The sink stops waiting for replicas at its deadline; the client itself would wait for ever.
    """
    brokers.fail(Api.PRODUCE, *[Code.NOT_ENOUGH_REPLICAS] * 100)
    error = await refusal(sink)
    assert (type(error), error.reason) == (TransientError, Reason.TIMEOUT)
    brokers.recover(Api.PRODUCE)
    await sink.send([event(1)])


@pytest.mark.parametrize("idempotent", [True, False])
async def test_a_lost_leader_is_noticed_in_time_and_found_again(brokers: Cluster, idempotent: bool) -> None:
    """
    Pending records are not written by the old producer after the new one has continued.
    """
    config = KafkaConfig(
        name="k",
        type="kafka",
        bootstrap_servers=brokers.servers,
        topic=TOPIC,
        timeout_s=TIMEOUT_S,
        idempotent=idempotent,
    )
    sink = KafkaSink(config)
    await sink.open()
    numbers = range(30)
    with brokers.without_leader(TOPIC, 0), brokers.without_leader(TOPIC, 1), brokers.without_leader(TOPIC, 2):
        error = await refusal(sink, numbers)
        assert isinstance(error, TransientError)
    await sink.send(events(numbers))
    await sink.aclose()
    assert ids(brokers, 30) == [item.id for item in events(numbers)]


@pytest.mark.parametrize("is_down", [False, True])
async def test_a_partition_that_moves_to_another_broker_is_followed(is_down: bool) -> None:
    """
    A single `send` follows the partition, whether its old leader responds or is gone.
    """
    with cluster(brokers=3) as brokers, contextlib.ExitStack() as stack:
        brokers.create(TOPIC, replication=3)
        brokers.lead(TOPIC, 0, 1)
        sink = KafkaSink(
            KafkaConfig(name="k", type="kafka", bootstrap_servers=brokers.servers, topic=TOPIC, timeout_s=6)
        )
        await sink.open()
        await sink.send([event(1)])
        if is_down:
            stack.enter_context(brokers.down(1))
        brokers.lead(TOPIC, 0, 2)
        await sink.send([event(2)])
        await sink.aclose()
        assert [record.id for record in read(brokers.servers[1], TOPIC, 2)] == ["e00001", "e00002"]


async def test_a_broker_that_goes_away_is_noticed_in_time_and_found_again(brokers: Cluster, sink: KafkaSink) -> None:
    """
    The sink reports a lost broker at its deadline; the client itself would wait for ever.
    """
    await sink.send([event(1)])
    with brokers.down():
        assert isinstance(await refusal(sink), TransientError)
        with pytest.raises(TransientError) as caught:
            await sink.open()
        assert caught.value.reason is Reason.UNREACHABLE
    await sink.open()
    await sink.send([event(2)])
    assert set(ids(brokers, 2)) >= {"e00001", "e00002"}


async def test_a_send_that_is_given_up_is_not_written_later(brokers: Cluster, sink: KafkaSink) -> None:
    """
    A batch that timed out is never written later, because it could overtake the next one.
    """
    brokers.fail(Api.PRODUCE, *[Code.NOT_ENOUGH_REPLICAS] * 100)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await sink.send([event(1)])
    brokers.recover(Api.PRODUCE)
    await sink.open()
    await sink.send([event(2)])
    assert ids(brokers, 1) == ["e00002"]


async def test_one_reachable_bootstrap_server_is_enough(brokers: Cluster) -> None:
    """
    The sink connects although the first server refuses connections.
    """
    servers = ("127.0.0.1:1", *brokers.servers)
    sink = KafkaSink(KafkaConfig(name="k", type="kafka", bootstrap_servers=servers, topic=TOPIC, timeout_s=TIMEOUT_S))
    await sink.open()
    await sink.send([event(1)])
    await sink.aclose()
    assert ids(brokers, 1) == ["e00001"]


async def test_a_peer_that_is_not_a_broker_is_reported_in_time() -> None:
    """
    An HTTP server on the configured port is reported as unreachable before the deadline.
    """

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        config = KafkaConfig(name="k", type="kafka", bootstrap_servers=(address,), topic=TOPIC, timeout_s=TIMEOUT_S)
        with pytest.raises(TransientError) as caught:
            await KafkaSink(config).open()
    assert address in caught.value.detail

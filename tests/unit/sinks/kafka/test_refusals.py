"""
Refusals of brokers with codes that aiokafka does not know: it turns them all into UnknownError.
"""

from collections.abc import AsyncIterator, Iterator

import pytest

from sinks.errors import DisabledError, PartialError, PermanentError, Reason, SinkError, TransientError
from sinks.kafka import KafkaConfig, KafkaSink
from tests.kafka.reader import read
from tests.shared.numbered import event
from tests.unit.sinks.kafka.mock import Api, Cluster, Code, cluster

TOPIC = "t"


@pytest.fixture
def brokers() -> Iterator[Cluster]:
    with cluster() as found:
        found.create(TOPIC)
        yield found


@pytest.fixture
async def sink(brokers: Cluster) -> AsyncIterator[KafkaSink]:
    found = KafkaSink(KafkaConfig(name="k", type="kafka", bootstrap_servers=brokers.servers, topic=TOPIC, timeout_s=5))
    await found.open()
    yield found
    await found.aclose()


@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [
        (Code.INVALID_RECORD, PermanentError, Reason.REJECTED),
        (Code.UNSUPPORTED_COMPRESSION_TYPE, DisabledError, Reason.UNUSABLE),
        (Code.UNSUPPORTED_FOR_MESSAGE_FORMAT, DisabledError, Reason.UNUSABLE),
        (Code.UNKNOWN, TransientError, Reason.SERVER_ERROR),
        (Code.OF_A_LATER_VERSION, TransientError, Reason.SERVER_ERROR),
    ],
)
async def test_the_code_decides(
    brokers: Cluster, sink: KafkaSink, code: Code, kind: type[SinkError], reason: Reason
) -> None:
    """
    A record that is refused for its content becomes a dead letter; an unknown code may pass.
    """
    brokers.fail(Api.PRODUCE, code)
    with pytest.raises(SinkError) as caught:
        await sink.send([event(1)])
    assert (type(caught.value), caught.value.reason) == (kind, reason)


async def test_an_invalid_record_is_found_among_others_which_are_written(brokers: Cluster, sink: KafkaSink) -> None:
    """
    A broker refuses the whole batch, so the sink tries four records, then two, then one; the next batch is whole again.
    """
    brokers.fail(Api.PRODUCE, *[Code.INVALID_RECORD] * 3)
    with pytest.raises(PartialError) as caught:
        await sink.send([event(number) for number in range(4)])
    ((event_id, failure),) = caught.value.failures.items()
    assert (event_id, type(failure), failure.reason) == ("e00000", PermanentError, Reason.REJECTED)
    await sink.send([event(4)])
    assert [record.id for record in read(brokers.servers[0], TOPIC, 4)] == ["e00001", "e00002", "e00003", "e00004"]

"""
Checks the cluster before anything is produced: is it reachable, does the topic exist, how is it replicated.

aiokafka's own start does not say why a broker could not be used, and its metadata requests make brokers create topics.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from aiokafka import errors
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.protocol.metadata import MetadataRequest

from sinks.errors import DisabledError, Reason, TransientError
from sinks.kafka.access import Access
from sinks.kafka.config import KafkaConfig
from sinks.kafka.failures import CONNECTING, failure, failure_at, most_severe

_CLOSE_S: Final = 1.0
_MS_PER_S: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """
    A topic as the brokers describe it.

    Attributes:
        partitions: the number of partitions.
        replication: the lowest number of replicas of a partition.
    """

    partitions: int
    replication: int


async def find_topic(config: KafkaConfig, access: Access) -> Topic | None:
    """
    Look up the topic; return None if it does not exist. The lookup never creates it.

    Raises:
        TransientError: no broker can be reached, or none knows the topic yet.
        DisabledError: a broker can be reached, and a person must change something.
    """
    async with _connection(config, access) as connection:
        server = f"{connection.host}:{connection.port}"
        try:
            found = await connection.send(MetadataRequest([config.topic], allow_auto_topic_creation=False))
        except CONNECTING as error:
            raise failure_at(server, error) from None
    for code, name, _, partitions in found.topics:
        kind = errors.for_code(code)
        if name != config.topic or kind is errors.UnknownTopicOrPartitionError:
            continue
        if kind is errors.IllegalSaslStateError:
            # RFC 7628 3.2.3: a broker refuses a token with a challenge, which aiokafka takes for a completed login.
            raise DisabledError(Reason.UNAUTHORIZED, f"{server}: the broker refuses the credentials")
        if kind is not errors.NoError:
            raise failure(kind())
        replication = min((len(replicas) for _, _, _, replicas, *_ in partitions), default=0)
        return Topic(partitions=len(partitions), replication=replication)
    return None


async def create_topic(config: KafkaConfig, access: Access) -> Topic:
    """
    Create the topic; return normally if it exists by now.

    Raises:
        TransientError: creating it failed and may succeed later.
        DisabledError: the brokers refuse to create it.
    """
    admin = AIOKafkaAdminClient(
        bootstrap_servers=list(config.bootstrap_servers),
        request_timeout_ms=int(config.timeout_s * _MS_PER_S),
        **access.settings(config),
    )
    topic = NewTopic(config.topic, config.topic_partitions, config.topic_replication)
    try:
        await admin.start()
        answer = await admin.create_topics([topic])
    except CONNECTING as error:
        raise failure(error) from None
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await admin.close()
    for _, code, *_ in answer.topic_errors:
        kind = errors.for_code(code)
        if kind not in (errors.NoError, errors.TopicAlreadyExistsError):
            raise failure(kind())
    return Topic(partitions=config.topic_partitions, replication=config.topic_replication)


@contextlib.asynccontextmanager
async def _connection(config: KafkaConfig, access: Access) -> AsyncIterator[AIOKafkaConnection]:
    """
    Connect to the first broker that accepts the connection.
    """
    connection = await _connect(config, access)
    try:
        yield connection
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await connection.close()


async def _connect(config: KafkaConfig, access: Access) -> AIOKafkaConnection:
    # A server that does not respond must leave time for the next one.
    timeout_ms = int(config.timeout_s * _MS_PER_S / max(2, len(access.servers)))
    failures: list[TransientError | DisabledError] = []
    for host, port in access.servers:
        try:
            return await create_conn(host, port, request_timeout_ms=timeout_ms, **access.settings(config))
        except CONNECTING as error:
            failures.append(failure_at(f"{host}:{port}", error))
    raise most_severe(failures)

"""
The cluster before anything is produced: can it be reached, is the topic there, how often is it held.

aiokafka's own start tells of no broker why it could not be used, and its requests have brokers make what is missing.
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
from sinks.kafka.failures import CONNECTING, at, failure, gravest

_CLOSE_S: Final = 1.0
_MS_PER_S: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """
    What brokers say of a topic.

    Attributes:
        partitions: how many it has.
        replication: on how many brokers a partition is held, of all the least.
    """

    partitions: int
    replication: int


async def find_topic(config: KafkaConfig, access: Access) -> Topic | None:
    """
    The topic; None: it is not there. It is not made by looking for it.

    Raises:
        TransientError: no broker can be reached, or none knows yet.
        DisabledError: a broker can be reached, and a person must change something.
    """
    async with _connection(config, access) as connection:
        server = f"{connection.host}:{connection.port}"
        try:
            found = await connection.send(MetadataRequest([config.topic], allow_auto_topic_creation=False))
        except CONNECTING as error:
            raise at(server, error) from None
    for code, name, _, partitions in found.topics:
        kind = errors.for_code(code)
        if name != config.topic or kind is errors.UnknownTopicOrPartitionError:
            continue
        if kind is errors.IllegalSaslStateError:
            # RFC 7628 3.2.3: a token is refused by a challenge, which aiokafka takes for the end of the login.
            raise DisabledError(Reason.UNAUTHORIZED, f"{server}: the broker refuses the credentials")
        if kind is not errors.NoError:
            raise failure(kind())
        replication = min((len(replicas) for _, _, _, replicas, *_ in partitions), default=0)
        return Topic(partitions=len(partitions), replication=replication)
    return None


async def create_topic(config: KafkaConfig, access: Access) -> Topic:
    """
    Make the topic; it is no failure if it is there by now.

    Raises:
        TransientError: it could not be made.
        DisabledError: it cannot be made.
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
    To the first of the brokers that lets us in.
    """
    connection = await _connect(config, access)
    try:
        yield connection
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await connection.close()


async def _connect(config: KafkaConfig, access: Access) -> AIOKafkaConnection:
    # So that one server that does not answer leaves time for the next.
    patience_ms = int(config.timeout_s * _MS_PER_S / max(2, len(access.servers)))
    failures: list[TransientError | DisabledError] = []
    for host, port in access.servers:
        try:
            return await create_conn(host, port, request_timeout_ms=patience_ms, **access.settings(config))
        except CONNECTING as error:
            failures.append(at(f"{host}:{port}", error))
    raise gravest(failures)

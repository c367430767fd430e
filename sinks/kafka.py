"""
Events to a Kafka topic, in the binary mode of the CloudEvents binding: the value is `data`, headers the rest.

The producer (aiokafka) is idempotent and waits for all replicas. Such a one waits for ever when its broker is
gone, and cannot go on after some errors: so all has a deadline, and a broken producer is thrown away.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Final

import aiokafka
import orjson
from aiokafka import errors

from sinks.base import Outgoing, SinkConfig
from sinks.errors import PartialError, PermanentError, Reason, TransientError

_STOP_S: Final = 5.0
_LINGER_MS: Final = 5
_MS_PER_S: Final = 1000
_FATAL: Final = (
    errors.OutOfOrderSequenceNumber,
    errors.ProducerFenced,
    errors.ProducerClosed,
    errors.LeaderNotAvailableError,
    errors.InvalidProducerEpoch,
)
_REASONS: Final = (
    (errors.UnknownTopicOrPartitionError, Reason.NO_SUCH_TARGET),
    (errors.InvalidTopicError, Reason.NO_SUCH_TARGET),
    (errors.TopicAuthorizationFailedError, Reason.UNAUTHORIZED),
    (errors.ClusterAuthorizationFailedError, Reason.UNAUTHORIZED),
    (errors.KafkaTimeoutError, Reason.TIMEOUT),
    (errors.RequestTimedOutError, Reason.TIMEOUT),
    (errors.NodeNotReadyError, Reason.UNREACHABLE),
    (errors.KafkaConnectionError, Reason.UNREACHABLE),
    (errors.LeaderNotAvailableError, Reason.UNREACHABLE),
)


class KafkaConfig(SinkConfig, frozen=True, kw_only=True):
    """
    A sink of the type `kafka`.

    Attributes:
        bootstrap_servers: `host:port` of some brokers.
        topic: must exist; whether it is made otherwise is up to the broker.
        client_id: what the broker's logs call us.
        timeout_s: for starting, and for one batch.
    """

    bootstrap_servers: tuple[str, ...]
    topic: str
    client_id: str = "exit137"
    timeout_s: float = 15


class KafkaSink:
    """
    Produces to one topic.

    Args:
        config: its configuration.
    """

    max_batch = 500

    def __init__(self, config: KafkaConfig) -> None:
        self.name = config.name
        self._config = config
        self._producer: aiokafka.AIOKafkaProducer | None = None
        self._sending = False

    async def open(self) -> None:
        """
        Connect.

        Raises:
            TransientError: no broker answers in time.
        """
        await self.aclose()
        producer = aiokafka.AIOKafkaProducer(
            bootstrap_servers=list(self._config.bootstrap_servers),
            client_id=self._config.client_id,
            acks="all",
            enable_idempotence=True,
            compression_type="gzip",
            linger_ms=_LINGER_MS,
            request_timeout_ms=int(self._config.timeout_s * _MS_PER_S),
        )
        self._producer = producer
        try:
            async with asyncio.timeout(self._config.timeout_s):
                await producer.start()
        except (errors.KafkaError, OSError, TimeoutError) as error:
            await self._discard()
            raise transient(error) from error

    async def send(self, batch: Sequence[Outgoing]) -> None:
        """
        Produce a batch; returns when all replicas in sync have it.

        Raises:
            TransientError: not all could be written in time.
            PartialError: some were not written.
        """
        if self._producer is None:
            raise TransientError(Reason.UNREACHABLE, "there is no connection")
        # Stays set when the caller gives up: what is on its way then must not come after what is sent next.
        self._sending = True
        try:
            async with asyncio.timeout(self._config.timeout_s):
                outcomes = await self._produce(self._producer, batch)
        except TimeoutError as error:
            await self._discard()
            raise transient(error) from error
        self._sending = False
        if any(isinstance(outcome, _FATAL) for outcome in outcomes):
            await self._discard()
        _judge(batch, outcomes)

    async def aclose(self) -> None:
        """
        Close the connection; nothing is waited for, since `send` has waited.
        """
        if self._producer is None:
            return
        if not self._sending:
            with contextlib.suppress(TimeoutError, errors.KafkaError):
                async with asyncio.timeout(_STOP_S):
                    await self._producer.stop()
        await self._discard()

    async def _produce(
        self, producer: aiokafka.AIOKafkaProducer, batch: Sequence[Outgoing]
    ) -> list[BaseException | None]:
        waiting = [await self._enqueue(producer, event) for event in batch]
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        return [outcome if isinstance(outcome, BaseException) else None for outcome in outcomes]

    async def _enqueue(self, producer: aiokafka.AIOKafkaProducer, event: Outgoing) -> asyncio.Future[Any]:
        value, headers = binary(event.body)
        try:
            future: asyncio.Future[Any] = await producer.send(
                self._config.topic, value=value, key=event.key.encode(), headers=headers
            )
        except errors.KafkaError as error:
            future = asyncio.get_running_loop().create_future()
            future.set_exception(error)
        return future

    async def _discard(self) -> None:
        """
        Let go of a producer that may hang: its own `stop` waits until all is delivered.
        """
        producer, self._producer, self._sending = self._producer, None, False
        if producer is None or producer._closed:  # noqa: SLF001 (no public word for it)
            return
        producer._closed = True  # noqa: SLF001 (it would complain at its end)
        # In this order: the sender's end waits for its requests, which end with their connections.
        for close in (producer.client.close, producer._sender.close):  # noqa: SLF001 (the public way hangs)
            with contextlib.suppress(TimeoutError, errors.KafkaError, OSError):
                async with asyncio.timeout(_STOP_S):
                    await close()


def binary(body: bytes) -> tuple[bytes, list[tuple[str, bytes]]]:
    """
    A structured CloudEvent as value and headers of a Kafka record (CloudEvents Kafka binding 1.0, 3.2).
    """
    envelope = orjson.loads(body)
    value = orjson.dumps(envelope.pop("data"))
    content_type = envelope.pop("datacontenttype", "application/json")
    headers = [(f"ce_{name}", str(text).encode()) for name, text in envelope.items()]
    return value, [*headers, ("content-type", content_type.encode())]


def transient(error: BaseException) -> TransientError:
    """
    What a failure of the client means, by its class.
    """
    words = type(error).__name__
    if isinstance(error, TimeoutError):
        return TransientError(Reason.TIMEOUT, "no broker answered in time")
    if isinstance(error, OSError):
        return TransientError(Reason.UNREACHABLE, words)
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return TransientError(reason, words)
    return TransientError(Reason.SERVER_ERROR, words)


def _judge(batch: Sequence[Outgoing], outcomes: Sequence[BaseException | None]) -> None:
    failures: dict[str, TransientError | PermanentError] = {}
    for event, outcome in zip(batch, outcomes, strict=True):
        if isinstance(outcome, errors.MessageSizeTooLargeError):
            words = f"{len(event.body)} bytes are more than the broker or topic takes"
            failures[event.id] = PermanentError(Reason.TOO_LARGE, words)
        elif outcome is not None:
            failures[event.id] = transient(outcome)
    if failures and len(batch) == 1:
        raise failures[batch[0].id]
    if failures:
        raise PartialError(failures)

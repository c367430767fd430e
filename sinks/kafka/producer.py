"""
One producer of aiokafka, for one topic, until its first failure.

An idempotent producer of aiokafka retries without end, waits for that when it is stopped, and has used sequence numbers
that the broker misses after a failed batch. Its user therefore sets the deadlines, throws it away after a failure, and
creates a new one, whose sequence numbers start from zero (docs/adr/0011).
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import DefaultPartitioner

from sinks.kafka.access import Access
from sinks.kafka.config import Compression, KafkaConfig
from sinks.kafka.records import Record

_STOP_S: Final = 5.0
_CLOSE_S: Final = 1.0
_RETRY_MS: Final = 250
_MS_PER_S: Final = 1000
# A request times out early enough to be sent again to a new leader before the whole attempt times out.
_REQUESTS_PER_ATTEMPT: Final = 3
# aiokafka's batch limit must never be reached before ours, so it is larger.
_BATCH_LIMIT_FACTOR: Final = 2


class Producer:
    """
    Writes batches of records to partitions.

    Args:
        config: the topic, and how to write.
        access: how to connect.
    """

    def __init__(self, config: KafkaConfig, access: Access) -> None:
        self._unfinished = 0
        self._topic = config.topic
        self._partitioner = DefaultPartitioner()
        compression = None if config.compression == Compression.NONE else str(config.compression)
        self._client = AIOKafkaProducer(
            bootstrap_servers=list(config.bootstrap_servers),
            acks="all",
            enable_idempotence=config.idempotent,
            compression_type=compression,
            max_batch_size=_BATCH_LIMIT_FACTOR * config.max_request_bytes,
            request_timeout_ms=int(config.timeout_s * _MS_PER_S / _REQUESTS_PER_ATTEMPT),
            retry_backoff_ms=_RETRY_MS,
            **access.settings(config),
        )

    @property
    def spent(self) -> bool:
        """
        True if a call failed or was cancelled: only `aclose` may follow.
        """
        return self._unfinished > 0

    async def start(self) -> None:
        """
        Connect, and get a producer id from the brokers. Has no deadline of its own.

        Raises:
            KafkaError: it failed; the producer is spent.
        """
        self._unfinished += 1
        await self._client.start()
        self._unfinished -= 1

    async def partition_of(self, keys: Sequence[bytes]) -> dict[bytes, int]:
        """
        Return the partition of each key, the same as the Java client chooses.

        Raises:
            KafkaError: the topic does not exist.
        """
        partitions = sorted(await self._client.partitions_for(self._topic))
        return {key: self._partitioner(key, partitions, partitions) for key in set(keys)}

    async def write(self, partition: int, records: Sequence[Record]) -> None:
        """
        Write one batch; return when all in-sync replicas have it. Has no deadline of its own.

        Raises:
            KafkaError: no record of the batch counts as written; the producer is spent.
        """
        self._unfinished += 1
        batch = self._client.create_batch()
        for record in records:
            batch.append(timestamp=None, key=record.key, value=record.value, headers=list(record.headers))
        batch.close()
        await (await self._client.send_batch(batch, self._topic, partition=partition))
        self._unfinished -= 1

    async def aclose(self) -> None:
        """
        Release everything within seconds. Nothing is lost, because `write` waits for the brokers.
        """
        if not self.spent:
            with contextlib.suppress(TimeoutError, KafkaError):
                async with asyncio.timeout(_STOP_S):
                    await self._client.stop()
                    return
        await self._abandon()

    async def _abandon(self) -> None:
        """
        End the tasks of a producer whose own `stop` would wait until everything is written. There is no public API.
        """
        self._client._closed = True  # noqa: SLF001 (else its destructor warns)
        # Failed requests wait for cluster metadata that nobody will fetch any more.
        client = self._client.client
        never = asyncio.get_running_loop().create_future()
        never.cancel()
        pending, client._md_update_fut = client._md_update_fut, never  # noqa: SLF001
        if pending is not None and not pending.done():
            pending.cancel()
        sender = self._client._sender.sender_task  # noqa: SLF001
        if sender is not None:
            sender.cancel()
        with contextlib.suppress(TimeoutError, KafkaError, OSError):
            async with asyncio.timeout(_CLOSE_S):
                await client.close()
        if sender is not None:
            await asyncio.wait([sender], timeout=_CLOSE_S)

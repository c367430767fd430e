"""
One producer of aiokafka, for one topic, until its first failure.

An idempotent producer of aiokafka sends again for ever, waits for that when it is told to stop, and after a batch
that failed has given away numbers that the broker will miss. So whoever uses it brings deadlines, throws it away after
a failure, and makes a new one, which begins to count anew (docs/adr/0011).
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
# A request is given up, and sent to where the leader is by now, well before all is given up.
_REQUESTS_PER_ATTEMPT: Final = 3
# Our own batches are closed when they are handed over; aiokafka's limit must not be met before ours.
_ROOM: Final = 2


class Producer:
    """
    Writes batches of records to partitions.

    Args:
        config: which topic, and how.
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
            max_batch_size=_ROOM * config.max_request_bytes,
            request_timeout_ms=int(config.timeout_s * _MS_PER_S / _REQUESTS_PER_ATTEMPT),
            retry_backoff_ms=_RETRY_MS,
            **access.settings(config),
        )

    @property
    def spent(self) -> bool:
        """
        Whether something failed or was not waited for: only `aclose` may follow.
        """
        return self._unfinished > 0

    async def start(self) -> None:
        """
        Connect, and get a number from the brokers. Has no deadline of its own.

        Raises:
            KafkaError: it cannot; the producer is spent.
        """
        self._unfinished += 1
        await self._client.start()
        self._unfinished -= 1

    async def partition_of(self, keys: Sequence[bytes]) -> dict[bytes, int]:
        """
        To which partition each key belongs; the same as for the Java client.

        Raises:
            KafkaError: the topic is not there.
        """
        partitions = sorted(await self._client.partitions_for(self._topic))
        return {key: self._partitioner(key, partitions, partitions) for key in set(keys)}

    async def write(self, partition: int, records: Sequence[Record]) -> None:
        """
        Write one batch; returns when all replicas in sync have it. Has no deadline of its own.

        Raises:
            KafkaError: none of it can be taken as written; the producer is spent.
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
        Let go of all of it, within seconds. What was written is written, since `write` waits.
        """
        if not self.spent:
            with contextlib.suppress(TimeoutError, KafkaError):
                async with asyncio.timeout(_STOP_S):
                    await self._client.stop()
                    return
        await self._abandon()

    async def _abandon(self) -> None:
        """
        End the tasks of a producer whose own `stop` would wait until all is written. There is no public way.
        """
        self._client._closed = True  # noqa: SLF001 (else it complains at its end)
        # Requests that failed wait for news of the cluster, which nobody will fetch any more.
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

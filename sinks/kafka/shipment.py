"""
The progress of one `send`: which events were written, which never will be, and which are left.

Each partition has one batch in flight, and none follows a failed one, so a later event of a key is never written before
an earlier one. Brokers refuse whole batches: the record at fault is found by sending smaller ones, down to one record.
"""

import asyncio
import sys
from collections.abc import Sequence
from typing import Final

from aiokafka.errors import KafkaError

from sinks.errors import DisabledError, PermanentError, Reason, TransientError
from sinks.kafka.failures import INVALID_RECORD, TOO_LARGE, failure
from sinks.kafka.producer import Producer
from sinks.kafka.records import Record, batches
from sinks.outcome import Failure, worse

_HALF: Final = 2


class Shipment:
    """
    The records of one `send`.

    Args:
        records: the records, in order.
        max_bytes: the largest record that is tried.
        batch_bytes: the largest batch.

    Attributes:
        batch_bytes: the largest batch; reduced when the broker finds one too large.
        waiting: the records without an outcome, in order.
        outcomes: the failure of each finished event, by id; None for a written event.
        stop: why no further batch is started.
    """

    def __init__(self, records: Sequence[Record], *, max_bytes: int, batch_bytes: int) -> None:
        self.batch_bytes = batch_bytes
        self.outcomes: dict[str, Failure | None] = {
            record.id: _too_large(record, f"max_request_bytes = {max_bytes}")
            for record in records
            if record.size_bytes > max_bytes
        }
        self.waiting = [record for record in records if record.id not in self.outcomes]
        self.stop: TransientError | DisabledError | None = None
        self._batch_records = sys.maxsize

    async def advance(self, producer: Producer) -> None:
        """
        Write until everything is written or each partition has had a failure; the producer is spent after a failure.
        """
        try:
            chains = await self._chains(producer)
        except KafkaError as error:
            self.stop = failure(error)
            return
        try:
            async with asyncio.TaskGroup() as tasks:
                for partition, chain in chains.items():
                    tasks.create_task(self._write(producer, partition, chain), name=f"partition {partition}")
        finally:
            self.waiting = [record for record in self.waiting if record.id not in self.outcomes]

    async def _chains(self, producer: Producer) -> dict[int, list[Record]]:
        partition_of = await producer.partition_of([record.key for record in self.waiting])
        chains: dict[int, list[Record]] = {}
        for record in self.waiting:
            chains.setdefault(partition_of[record.key], []).append(record)
        return chains

    async def _write(self, producer: Producer, partition: int, chain: Sequence[Record]) -> None:
        for batch in batches(chain, self.batch_bytes, self._batch_records):
            if self.stop is not None:
                return
            try:
                await producer.write(partition, batch)
            except TOO_LARGE:
                self._found_too_large(batch)
                return
            except INVALID_RECORD:
                self._found_invalid(batch)
                return
            except KafkaError as error:
                self.stop = worse(self.stop, failure(error))
                return
            self.outcomes |= dict.fromkeys((record.id for record in batch), None)

    def _found_invalid(self, batch: Sequence[Record]) -> None:
        if len(batch) == 1:
            detail = "the broker or topic refuses this record (INVALID_RECORD)"
            self.outcomes[batch[0].id] = PermanentError(Reason.REJECTED, detail)
        else:
            self._batch_records = min(self._batch_records, len(batch) // _HALF)

    def _found_too_large(self, batch: Sequence[Record]) -> None:
        if len(batch) == 1:
            self.outcomes[batch[0].id] = _too_large(batch[0], "the limit of the broker or topic")
        else:
            size_bytes = sum(record.size_bytes for record in batch)
            self.batch_bytes = min(self.batch_bytes, size_bytes // _HALF)


def _too_large(record: Record, limit: str) -> PermanentError:
    return PermanentError(Reason.TOO_LARGE, f"{record.size_bytes} bytes exceed {limit}")

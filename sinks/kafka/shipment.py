"""
What becomes of the events of one `send`: what was written, what never will be, and what is left.

Per partition there is one batch under way, and none is begun after one that failed: so no later event of a key is
written before an earlier one. A broker refuses a batch whole: which record it means is found by sending fewer at once,
down to one alone.
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
from sinks.lanes import Failure, graver

_HALF: Final = 2


class Shipment:
    """
    Records on their way.

    Args:
        records: in order.
        max_bytes: of a record; larger ones are not tried.
        batch_bytes: of a batch.

    Attributes:
        batch_bytes: of a batch; fewer than in the beginning once the broker found one too large.
        waiting: those of which nothing is known yet, in order.
        outcomes: per event that is done what became of it; None: it was written.
        stop: why no further batch is begun.
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
        Write until all is written or a batch of each partition failed; the producer is spent if one did.
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
                self.stop = graver(self.stop, failure(error))
                return
            self.outcomes |= dict.fromkeys((record.id for record in batch), None)

    def _found_invalid(self, batch: Sequence[Record]) -> None:
        if len(batch) == 1:
            words = "the broker or topic refuses this record (INVALID_RECORD)"
            self.outcomes[batch[0].id] = PermanentError(Reason.REJECTED, words)
        else:
            self._batch_records = min(self._batch_records, len(batch) // _HALF)

    def _found_too_large(self, batch: Sequence[Record]) -> None:
        if len(batch) == 1:
            self.outcomes[batch[0].id] = _too_large(batch[0], "the broker or topic takes")
        else:
            size_bytes = sum(record.size_bytes for record in batch)
            self.batch_bytes = min(self.batch_bytes, size_bytes // _HALF)


def _too_large(record: Record, limit: str) -> PermanentError:
    return PermanentError(Reason.TOO_LARGE, f"{record.size_bytes} bytes are more than {limit}")

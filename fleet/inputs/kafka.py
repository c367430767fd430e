"""
Reads the topic that the Kafka sinks of agents write, each record once.

The offsets are stored in the same transaction as the events, and reading continues from them; Kafka's own offsets of
the group are only for tools that show the lag. A record that is not an event of an agent is counted and passed over.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from collector.config.hub import HubKafkaConfig
from collector.store.records import Position
from fleet.arrival import Arrival, RefusedEventError
from fleet.inputs.records import event_of_record
from fleet.intake import BusyError, FleetIntake
from sinks.errors import DisabledError
from sinks.kafka.access import access
from sinks.kafka.config import KafkaConfig

_POLL_MS: Final = 500
_POLL_RECORDS: Final = 512
_BUSY_S: Final = 0.2
_RETRY_S: Final = 2.0
_PREFIX: Final = "kafka"
_LOG: Final = logging.getLogger(__name__)

Offsets = Mapping[str, Position]
ReadOffsets = Callable[[], Awaitable[Offsets]]


class KafkaInput:
    """
    A consumer of one topic.

    Args:
        config: its configuration.
        intake: takes the events.
        offsets: returns the stored positions by name.

    Attributes:
        is_up: whether the brokers answer.
        garbage: how many records were not events.
    """

    def __init__(self, config: HubKafkaConfig, intake: FleetIntake, offsets: ReadOffsets) -> None:
        self.is_up = False
        self.garbage = 0
        self._config = config
        self._intake = intake
        self._offsets = offsets

    async def run(self) -> None:
        """
        Read until cancelled; after an error begin again from the stored offsets.
        """
        while True:
            try:
                await self._read()
            except (KafkaError, DisabledError, OSError) as error:
                self.is_up = False
                _LOG.error("Kafka cannot be read, trying again: %s", error)
            await asyncio.sleep(_RETRY_S)

    async def _read(self) -> None:
        sink_config = as_sink_config(self._config)
        settings = (await asyncio.to_thread(access, sink_config)).settings(sink_config)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=list(self._config.bootstrap_servers),
            group_id=self._config.group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=_POLL_RECORDS,
            **settings,
        )
        consumer.subscribe([self._config.topic], listener=_Seeker(consumer, self._offsets))
        await consumer.start()
        try:
            self.is_up = True
            while True:
                found = await consumer.getmany(timeout_ms=_POLL_MS)
                if found:
                    await self._take(found)
                    await consumer.commit()
        finally:
            self.is_up = False
            await consumer.stop()

    async def _take(self, found: Mapping[TopicPartition, Sequence[ConsumerRecord]]) -> None:
        """
        Have the records of one poll stored, with the offsets after them.
        """
        events = [event for records in found.values() for event in self._events(records)]
        positions = {
            _name(partition.topic, partition.partition): {"offset": records[-1].offset + 1}
            for partition, records in found.items()
        }
        while True:
            try:
                stored = self._intake.offer(events, positions)
            except BusyError:
                await asyncio.sleep(_BUSY_S)
                continue
            await stored
            return

    def _events(self, records: Iterable[ConsumerRecord]) -> Iterable[Arrival]:
        for record in records:
            try:
                yield event_of_record(record.value, record.headers)
            except RefusedEventError:
                self.garbage += 1


class _Seeker(ConsumerRebalanceListener):  # type: ignore[misc]
    """
    Moves to the stored offset of each partition that this consumer is given.
    """

    def __init__(self, consumer: AIOKafkaConsumer, offsets: ReadOffsets) -> None:
        self._consumer = consumer
        self._offsets = offsets

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """
        Do nothing: what was read of these partitions is stored, or will be read again and recognised.
        """

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """
        Continue where the store ends.
        """
        stored = await self._offsets()
        for partition in assigned:
            position = stored.get(_name(partition.topic, partition.partition))
            if position is not None:
                self._consumer.seek(partition, int(position["offset"]))


def as_sink_config(config: HubKafkaConfig) -> KafkaConfig:
    """
    Return the settings as the sink's, whose login and TLS they share.

    Raises:
        DisabledError: they do not fit together.
    """
    shared: dict[str, Any] = msgspec.structs.asdict(config)
    del shared["group"]
    made = msgspec.convert({"name": "hub", "type": "kafka", **shared}, KafkaConfig)
    made.check()
    return made


def _name(topic: str, partition: int) -> str:
    return f"{_PREFIX}/{topic}/{partition}"

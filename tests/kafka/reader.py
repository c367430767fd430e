"""
Reads a topic with librdkafka: another client than the one that wrote.
"""

import time
from dataclasses import dataclass
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

_PATIENCE_S: Final = 20.0
_NO_MORE_S: Final = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """
    One record, in the order of its partition.

    Attributes:
        time_s: when it was put into its batch, seconds since 1970.
    """

    key: str
    partition: int
    value: bytes
    headers: dict[str, str]
    time_s: float

    @property
    def id(self) -> str:
        """
        The event's, in binary mode.
        """
        return self.headers["ce_id"]


def read(server: str, topic: str, count: int) -> list[Arrived]:
    """
    All that is in a topic: at least so many records if they come in time, and what comes right after them.
    """
    consumer = Consumer({"bootstrap.servers": server, "group.id": "reader", "enable.auto.commit": False})
    try:
        partitions = consumer.list_topics(topic, timeout=_PATIENCE_S).topics[topic].partitions
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
        found: list[Arrived] = []
        deadline_s = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline_s:
            message = consumer.poll(_NO_MORE_S if len(found) >= count else 1.0)
            if message is None and len(found) >= count:
                break
            if message is not None and message.error() is None:
                headers = {name: text.decode() for name, text in message.headers() or []}
                found.append(
                    Arrived(
                        key=message.key().decode(),
                        partition=message.partition(),
                        value=message.value(),
                        headers=headers,
                        time_s=message.timestamp()[1] / 1000,
                    )
                )
        return found
    finally:
        consumer.close()

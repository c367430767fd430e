"""
Reads a topic with librdkafka, which is another client than the one that wrote.
"""

import time
from dataclasses import dataclass
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

_TIMEOUT_S: Final = 20.0
_NO_MORE_S: Final = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """
    One record.

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
        Return the event's id, in binary mode.
        """
        return self.headers["ce_id"]


def read(server: str, topic: str, count: int) -> list[Arrived]:
    """
    Return all records of a topic: wait for `count` of them for a while, and then for what follows at once.
    """
    consumer = Consumer({"bootstrap.servers": server, "group.id": "reader", "enable.auto.commit": False})
    try:
        partitions = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].partitions
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
        found: list[Arrived] = []
        deadline_s = time.monotonic() + _TIMEOUT_S
        while time.monotonic() < deadline_s:
            message = consumer.poll(_NO_MORE_S if len(found) >= count else 1.0)
            if message is None and len(found) >= count:
                break
            if message is not None and message.error() is None:
                headers = {name: text.decode() for name, text in message.headers() or []}
                found.append(
                    Arrived(
                        key=(message.key() or b"").decode(),
                        partition=message.partition(),
                        value=message.value(),
                        headers=headers,
                        time_s=message.timestamp()[1] / 1000,
                    )
                )
        return found
    finally:
        consumer.close()

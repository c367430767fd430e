"""
The topic and the broker that a test writes to.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from sinks.kafka import KafkaConfig
from tests.kafka.broker import Broker
from tests.kafka.reader import Arrived, read


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """
    A broker and a topic on it.
    """

    broker: Broker
    topic: str

    def config(self, listener: str = "plain", **settings: Any) -> KafkaConfig:  # noqa: ANN401 (any setting)
        given = {"name": "bus", "type": "kafka", "topic": self.topic, "timeout_s": 6}
        return msgspec.convert(given | {"bootstrap_servers": [self.broker.address(listener)]} | settings, KafkaConfig)

    def arrived(self, count: int) -> list[Arrived]:
        return read(self.broker.address(), self.topic, count)

"""
One broker for most tests; each test has a topic of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import pytest

from sinks.kafka import KafkaConfig
from tests.kafka.broker import Broker, NoBrokerError, broker, jars, problem
from tests.kafka.reader import Arrived, read

# The first time Maven fetches the broker.
_PATIENCE_S: Final = 420


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    All of them need a broker.
    """
    reason = problem()
    for item in items:
        if "tests/kafka/" in item.path.as_posix():
            item.add_marker(pytest.mark.broker)
            item.add_marker(pytest.mark.timeout(_PATIENCE_S))
            item.add_marker(pytest.mark.skipif(reason is not None, reason=str(reason)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
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


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    try:
        jars()
    except NoBrokerError as error:
        pytest.skip(str(error))
    with broker(tmp_path_factory.mktemp("broker")) as found:
        yield found


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in request.node.name)


@pytest.fixture
def bench(running: Broker, topic: str) -> Bench:
    running.create(topic, partitions=3)
    return Bench(broker=running, topic=topic)

"""
One broker for most tests; each test has its own topic.
"""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.kafka.broker import JARS, Broker, broker
from tests.kafka.target import Target
from tests.shared.maven import NoJarsError, need_jars

# The first time Maven fetches the broker.
_TIMEOUT_S: Final = 420


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    need_jars(items, "kafka", JARS, _TIMEOUT_S)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    try:
        JARS.fetch()
    except NoJarsError as error:
        pytest.skip(str(error))
    with broker(tmp_path_factory.mktemp("broker")) as found:
        yield found


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in request.node.name)


@pytest.fixture
def target(running: Broker, topic: str) -> Target:
    running.create(topic, partitions=3)
    return Target(broker=running, topic=topic)

"""
One broker for most tests; each test has a topic of its own.
"""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.kafka.broker import Broker, NoBrokerError, broker, jars, problem
from tests.kafka.place import Place

# The first time Maven fetches the broker.
_PATIENCE_S: Final = 420


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    All of them need a broker: the same one, so one process runs them all.
    """
    reason = problem()
    for item in items:
        if "tests/kafka/" in item.path.as_posix():
            item.add_marker(pytest.mark.broker)
            item.add_marker(pytest.mark.xdist_group("kafka"))
            item.add_marker(pytest.mark.timeout(_PATIENCE_S))
            item.add_marker(pytest.mark.skipif(reason is not None, reason=str(reason)))


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
def place(running: Broker, topic: str) -> Place:
    running.create(topic, partitions=3)
    return Place(broker=running, topic=topic)

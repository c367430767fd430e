"""
Each test has its own index.
"""

from typing import Final

import pytest

from sinks.base import Outgoing
from sinks.formats import Format
from tests.opensearch.everything import STREAM, Documents, documents, every_event
from tests.opensearch.node import JARS, Node
from tests.shared.maven import need_jars

# The first time Maven fetches the node.
_TIMEOUT_S: Final = 420


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    need_jars(items, "opensearch", JARS, _TIMEOUT_S)


@pytest.fixture
def index(request: pytest.FixtureRequest) -> str:
    """
    The name of an index that no template is for.
    """
    return "".join(letter if letter.isalnum() else "-" for letter in request.node.name).strip("-").lower()


@pytest.fixture(scope="session")
def events() -> list[Outgoing]:
    """
    All events that the tests can make.
    """
    return every_event()


@pytest.fixture(scope="session")
def everything(events: list[Outgoing]) -> Documents:
    """
    All events as the documents that the template is for.
    """
    return documents(events, Format.ECS)


@pytest.fixture(scope="session")
def stream(running: Node, everything: Documents) -> str:
    """
    The data stream with all documents.
    """
    assert running.refused(STREAM, everything) == []
    return STREAM

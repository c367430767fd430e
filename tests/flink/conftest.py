"""
Flink needs an environment of its own, which `scripts/setup flink` makes, and a broker.
"""

from typing import Final

import pytest

from tests.flink.flink import JARS, problem
from tests.shared.maven import need_jars

# The first time Maven fetches the connector and the broker.
_TIMEOUT_S: Final = 420


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    need_jars(items, "flink", JARS, _TIMEOUT_S)
    reason = problem()
    for item in items:
        if "tests/flink/" in item.path.as_posix():
            item.add_marker(pytest.mark.skipif(reason is not None, reason=str(reason)))

"""
One rsyslog for each test: it starts in a fraction of a second.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.syslog.receiver import Receiver, problem, receiver


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Mark all tests as needing a receiver.
    """
    reason = problem()
    for item in items:
        if "tests/syslog/" in item.path.as_posix():
            item.add_marker(pytest.mark.broker)
            item.add_marker(pytest.mark.timeout(240))
            item.add_marker(pytest.mark.skipif(reason is not None, reason=str(reason)))


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Receiver]:
    (tmp_path / "receiver").mkdir()
    with receiver(tmp_path / "receiver") as found:
        yield found

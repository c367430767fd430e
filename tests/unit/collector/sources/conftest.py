"""
A device for the tests of the kmsg source.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.collector.sources.devices import Kmsg


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Kmsg]:
    with Kmsg(tmp_path / "kmsg") as made:
        yield made

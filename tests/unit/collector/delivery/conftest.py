"""
A store, and the metrics of one sink.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collector.metrics import Metrics
from collector.store import Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "s.db")
    yield store
    await store.aclose()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(sinks=["a"])

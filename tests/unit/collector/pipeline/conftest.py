"""
An intake for the tests of this folder.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collector.store import Store
from tests.unit.collector.pipeline.intake_agent import Agent


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Agent]:
    store = await Store.open(tmp_path / "s.db")
    yield Agent(store)
    await store.aclose()

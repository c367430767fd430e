"""
Both stores of the hub, each empty, with what reads it: the tests that use them hold for both.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar
from uuid import uuid4

import pytest

from collector.config.hub import HubStoreConfig
from collector.store import History, PastEvents, Store
from fleet.opensearch.store import ClusterStore
from fleet.stores import HubStore
from sinks.secret import Secret
from tests.opensearch.node import JARS, Node
from tests.shared.maven import jar_marks

_TIMEOUT_S: Final = 420
STORES: Final = ("sqlite", pytest.param("opensearch", marks=jar_marks("opensearch", JARS, _TIMEOUT_S)))
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Kept:
    """
    A store, and how it is read.
    """

    store: HubStore
    past: Callable[[], AbstractContextManager[PastEvents]]
    refresh: Callable[[], None]

    async def ask(self, question: Callable[[PastEvents], _Answer]) -> _Answer:
        """
        Ask in a thread, as the pages do.
        """

        def asked() -> _Answer:
            with self.past() as past:
                return question(past)

        await asyncio.to_thread(self.refresh)
        return await asyncio.to_thread(asked)


def config_of(node: Node, index: str, lease_s: float = 1.0) -> HubStoreConfig:
    return HubStoreConfig(type="opensearch", url=Secret(node.url), index=index, replicas=0, lease_s=lease_s)


@asynccontextmanager
async def sqlite(folder: Path) -> AsyncIterator[Kept]:
    path = folder / "hub.db"
    store = await Store.open(path)
    try:
        yield Kept(store, lambda: History(path), lambda: None)
    finally:
        await store.aclose()


@asynccontextmanager
async def cluster(node: Node) -> AsyncIterator[Kept]:
    index = f"hub-{uuid4().hex}"
    store = ClusterStore(config_of(node, index))
    try:
        await store.prepare()
        yield Kept(store, store.past, lambda: node.ask("POST", f"{index}-*/_refresh"))
    finally:
        await store.aclose()


@pytest.fixture(params=STORES)
async def kept(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Kept]:
    """
    An empty store: first one in SQLite, then one in OpenSearch.
    """
    made = sqlite(tmp_path) if request.param == "sqlite" else cluster(request.getfixturevalue("running"))
    async with made as found:
        yield found

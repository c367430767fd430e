"""
Opens what a hub keeps: its own file, and the cluster if one is configured.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from collector.config.loader import ConfigurationError
from collector.config.sections import Config
from collector.store import History, Store
from fleet.paths import hub_store_path
from fleet.stores import Stores
from sinks.errors import DisabledError

_DAY_NS: Final = 86_400_000_000_000


@asynccontextmanager
async def opened(
    config: Config, wall_ns: Callable[[], int], waiting: Callable[[str, float], None]
) -> AsyncIterator[Stores]:
    """
    Open the stores for the duration of the context. A cluster that does not answer is waited for.

    Args:
        config: the hub's.
        wall_ns: the wall clock.
        waiting: says for what the hub waits, and that it will for these seconds at least.

    Raises:
        StoreError: a store cannot be used.
        ConfigurationError: the settings of the cluster cannot be used.
    """
    path = hub_store_path(config)
    keep_ns = int(config.store.keep_days * _DAY_NS)
    outbox = await Store.open(
        path, max_bytes=config.store.max_bytes, keep_ns=keep_ns, wall_ns=wall_ns, is_of_hosts=True
    )
    try:
        if config.hub.store.type == "sqlite":
            yield Stores(events=outbox, outbox=outbox, past=lambda: History(path))
            return
        async with _cluster(config, outbox, wall_ns, waiting) as stores:
            yield stores
    finally:
        await outbox.aclose()


@asynccontextmanager
async def _cluster(
    config: Config, outbox: Store, wall_ns: Callable[[], int], waiting: Callable[[str, float], None]
) -> AsyncIterator[Stores]:
    from fleet.opensearch.member import prepared  # noqa: PLC0415 (only what is configured is imported)
    from fleet.opensearch.store import ClusterStore  # noqa: PLC0415

    try:
        store = ClusterStore(config.hub.store, wall_ns)
    except DisabledError as error:
        raise ConfigurationError("hub.store", error.detail) from error
    try:
        await prepared(store, waiting)
        yield Stores(events=store, outbox=outbox, past=store.past, cluster=store)
    finally:
        await store.aclose()

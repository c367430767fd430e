"""
A hub as one of several over one cluster: it follows what all of them store, and takes its turn at finding incidents.
"""

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable, Collection, Sequence
from typing import Final
from uuid import uuid4

from collector.config.sections import Config
from collector.runtime.managers import cancel
from collector.store import PastEvent, Store, StoreError, StoreUnavailableError
from fleet.opensearch.duty import Apply, DetectorDuty
from fleet.opensearch.follower import Follower
from fleet.opensearch.lease import Lease
from fleet.opensearch.retention import Retention
from fleet.opensearch.store import ClusterStore

_FINISH_S: Final = 5.0
_RETRY_S: Final = 1.0
# Of the time in which the service manager expects the hub to start, with each attempt.
_WAIT_S: Final = 60.0
_LOG: Final = logging.getLogger(__name__)


class Member:
    """
    The part of a hub in a cluster.

    Args:
        config: the hub's.
        store: the cluster.
        outbox: the hub's own store.
        apply: has sinks served, or none.
        wake: says that there is something to send.
        take: shows events of all hubs.
        wall_ns: the wall clock.
    """

    def __init__(
        self,
        config: Config,
        store: ClusterStore,
        outbox: Store,
        *,
        apply: Apply,
        wake: Callable[[], None],
        take: Callable[[Sequence[PastEvent]], None],
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        holder = f"{socket.gethostname()}/{os.getpid()}/{uuid4()}"
        self._store = store
        self._take = take
        self._lease = Lease(store.state, holder, config.hub.store.lease_s)
        self._duty = DetectorDuty(store, outbox, self._lease, config.sinks, apply=apply, wake=wake, wall_ns=wall_ns)
        self._retention = Retention(store, self._lease, config, wall_ns)
        self._follower: Follower | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, tasks: asyncio.TaskGroup, after_seq: int, known: Collection[int]) -> None:
        """
        Begin.

        Args:
            tasks: owns everything that runs.
            after_seq: the number of the last event that the pages know.
            known: the numbers of later events that they know too.
        """
        self._follower = Follower(self._store, after_seq, known, self._take)
        running = {
            "follow the cluster": self._follower.run(),
            "lease": self._lease.run(),
            "detector": self._duty.run(),
            "retention": self._retention.run(),
        }
        self._tasks = [tasks.create_task(each, name=name) for name, each in running.items()]

    def troubles(self) -> Sequence[str]:
        """
        Return what is wrong, one line each.
        """
        found = []
        if self._follower is not None and self._follower.trouble is not None:
            found.append(f"the pages show no new events: {self._follower.trouble}")
        if self._duty.trouble is not None:
            found.append(f"no incidents are found: {self._duty.trouble}")
        return found

    async def stop(self) -> None:
        """
        Stop, and let another hub find incidents at once.
        """
        await cancel(*self._tasks)
        with contextlib.suppress(StoreError, TimeoutError):
            async with asyncio.timeout(_FINISH_S):
                await self._duty.finish()


async def prepared(store: ClusterStore, waiting: Callable[[str, float], None]) -> None:
    """
    Wait until the cluster answers and has the indices of the hub.

    Args:
        store: the cluster.
        waiting: says for what the hub waits, and that it will for these seconds at least.

    Raises:
        StoreForeignIndexError: an index is not one that the hub can use.
    """
    is_waiting = False
    while True:
        try:
            await store.prepare()
        except StoreUnavailableError as error:
            if not is_waiting:
                _LOG.error("the hub waits for its store: %s", error)
            is_waiting = True
            waiting(f"waits for its store: {error}", _WAIT_S)
            await asyncio.sleep(_RETRY_S)
            continue
        if is_waiting:
            _LOG.warning("the store is there")
        return

"""
Notices that the store is not in its place: deleted, replaced, or on a file system that became read-only.

The store is written anew from the files that are still open (`collector/store/rewriting.py`). This is logged, published
and counted; while it fails, the agent is not ready.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from collector.facts.observed import GapFact
from collector.host.beat import until_beat_s
from collector.metrics import Metrics
from collector.store import Rewritten, Store, StoreLostError, StoreUnavailableError
from sinks.event import GapKind

_INTERVAL_S: Final = 1.0
_LOG: Final = logging.getLogger(__name__)


class StoreWatch:
    """
    Watches the files of the store.

    Args:
        store: the store.
        metrics: counts what was written anew.
        publish: publishes an event about the agent.
        wall_ns: the wall clock.
    """

    def __init__(
        self,
        store: Store,
        metrics: Metrics,
        publish: Callable[[GapFact], None],
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._publish = publish
        self._wall_ns = wall_ns
        self._trouble: str | None = None

    async def run(self) -> None:
        """
        Watch until cancelled.
        """
        while True:
            await self.check()
            await asyncio.sleep(until_beat_s(_INTERVAL_S))

    async def check(self) -> None:
        """
        Look once, and report what has changed.
        """
        try:
            rewrites = await self._store.take_rewrites()
        except StoreUnavailableError:
            return  # the committer reports it with the next commit
        for rewritten in rewrites:
            self._report(rewritten)
        trouble = str(self._store.trouble) if self._store.trouble is not None else None
        if trouble != self._trouble:
            if trouble is not None:
                _LOG.error("the store is not safe: %s", trouble)
            else:
                _LOG.warning("the store is safe again")
        self._trouble = trouble

    def pending_at_end(self) -> str:
        """
        Return what becomes of the events that are not delivered when the agent ends, in words.
        """
        if isinstance(self._store.trouble, StoreLostError):
            return f"{self._store.backlog.total_depth()} pending deliveries are lost: {self._store.trouble}"
        return "some events are not delivered yet; they are sent after the next start"

    def _report(self, rewritten: Rewritten) -> None:
        _LOG.error("the store was lost: %s", rewritten)
        self._metrics.store_rewritten.add()
        text = f"The store of the agent was lost while it was open: {rewritten}."
        self._publish(GapFact(source="store", what=GapKind.STORE_REWRITTEN, at_ns=self._wall_ns(), text=text))

"""
Shows a hub what all hubs have stored.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Sequence
from typing import Final

from collector.store import PastEvent, StoreError
from fleet.opensearch.store import ClusterStore
from fleet.opensearch.tail import Tail

_POLL_S: Final = 0.5
_RETRY_S: Final = 1.0
_LOOK_EVERY_S: Final = 30.0
_LOG: Final = logging.getLogger(__name__)


class Follower:
    """
    Reads new events for the pages.

    Args:
        store: the cluster.
        after_seq: the number of the last event that the pages know.
        known: the numbers of later events that they know too.
        take: takes the new events.

    Attributes:
        trouble: why the pages show nothing new; None if they do.
    """

    def __init__(
        self, store: ClusterStore, after_seq: int, known: Collection[int], take: Callable[[Sequence[PastEvent]], None]
    ) -> None:
        self.trouble: str | None = None
        self._store = store
        self._reading = store.reading
        self._tail = Tail(store.reading, after_seq)
        self._uuid: str | None = None
        self._look_at_s = 0.0
        self._known = frozenset(known)
        self._take = take

    async def run(self) -> None:
        """
        Read until cancelled.
        """
        while True:
            try:
                await self._follow_index()
                events = await self._tail.read()
            except StoreError as error:
                if self.trouble is None:
                    _LOG.error("the pages show no new events, trying again: %s", error)
                self.trouble = str(error)
                await asyncio.sleep(_RETRY_S)
                continue
            if self.trouble is not None:
                _LOG.warning("the pages show new events again")
            self.trouble = None
            is_further = self._reading.complete_seq != self._tail.complete_seq
            self._reading.complete_seq = self._tail.complete_seq
            if events or is_further:
                self._take([event for event in events if event.seq not in self._known])
            if not events:
                await asyncio.sleep(_POLL_S)

    async def _follow_index(self) -> None:
        """
        Begin anew if the index was deleted and made again: it counts from the beginning.
        """
        if time.monotonic() < self._look_at_s:
            return
        uuid = await self._store.uuid()
        if self._uuid not in (None, uuid):
            _LOG.warning("the index of the events was made anew")
            self._tail, self._known = Tail(self._reading, 0), frozenset()
        self._uuid, self._look_at_s = uuid, time.monotonic() + _LOOK_EVERY_S

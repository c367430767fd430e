"""
Shows a hub what all hubs have stored.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from typing import Final

from collector.store import PastEvent, StoreError
from fleet.opensearch.reading import Reading
from fleet.opensearch.tail import Tail

_POLL_S: Final = 0.5
_RETRY_S: Final = 1.0
_LOG: Final = logging.getLogger(__name__)


class Follower:
    """
    Reads new events for the pages.

    Args:
        reading: asks the cluster.
        after_seq: the number of the last event that the pages know.
        known: the numbers of later events that they know too.
        take: takes the new events.

    Attributes:
        trouble: why the pages show nothing new; None if they do.
    """

    def __init__(
        self, reading: Reading, after_seq: int, known: Collection[int], take: Callable[[Sequence[PastEvent]], None]
    ) -> None:
        self.trouble: str | None = None
        self._reading = reading
        self._tail = Tail(reading, after_seq)
        self._known = frozenset(known)
        self._take = take

    async def run(self) -> None:
        """
        Read until cancelled.
        """
        while True:
            try:
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

"""
Which hub finds incidents: the one that holds the lease.

The lease is one document, which its holder replaces again and again. The cluster takes a replacement only of the
version that was read, so that of two hubs one succeeds. No clocks are compared. Another hub waits until it has seen the
same version for the whole term by its own clock. The holder counts its term from before it sent the last replacement,
so its term is over earlier.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from collector.store import StoreUnavailableError
from fleet.opensearch.state import StateIndex, Version

_KIND: Final = "lease"
_ID: Final = "detector"
# Each term is renewed so often. A request that takes longer than the rest costs the lease.
_RENEWALS: Final = 4
# Of the term, which the holder does not use: clocks do not run equally fast.
_MARGIN: Final = 0.1
_LOG: Final = logging.getLogger(__name__)


def boot_s() -> float:
    """
    Return a clock that also runs while the host is suspended.
    """
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lease:
    """
    The lease of the cluster, from the view of one hub.

    Args:
        state: where it is.
        holder: names this process; no other one has this name.
        term_s: how long it lasts.
        clock_s: a clock that never goes back.
    """

    def __init__(self, state: StateIndex, holder: str, term_s: float, clock_s: Callable[[], float] = boot_s) -> None:
        self._state = state
        self._holder = holder
        self._term_s = term_s
        self._clock_s = clock_s
        self._seen: Version | None = None
        self._seen_at_s = clock_s()
        self._until_s: float | None = None
        self.changed = asyncio.Event()

    @property
    def is_held(self) -> bool:
        """
        Whether this hub holds the lease.
        """
        return self._until_s is not None and self._clock_s() < self._until_s

    async def run(self) -> None:
        """
        Take the lease when nobody holds it, and keep it, until cancelled.
        """
        while True:
            try:
                await self.turn()
            except StoreUnavailableError as error:
                _LOG.debug("the lease was not renewed: %s", error)
            await asyncio.sleep(self._term_s / _RENEWALS)

    async def turn(self) -> None:
        """
        Renew the lease, or look whether it can be taken.

        Raises:
            StoreUnavailableError: the cluster did not answer, or refused.
        """
        if self._until_s is not None:
            await self._renew()
            return
        note = await self._state.get(_KIND, _ID)
        version = note.version if note is not None else None
        if version != self._seen:
            self._seen, self._seen_at_s = version, self._clock_s()
        is_free = note is None or note.content.get("holder") in (None, self._holder)
        # Another hub may have a longer term: `lease_s` changes in one hub after the other.
        term_s = max(self._term_s, note.content.get("term_s", 0.0)) if note is not None else self._term_s
        if is_free or self._clock_s() - self._seen_at_s >= term_s:
            await self._write(self._holder)

    async def release(self) -> None:
        """
        Let another hub have the lease at once.

        Raises:
            StoreUnavailableError: the cluster did not answer, or refused.
        """
        if self.is_held:
            await self._write(None)
        self._lose()

    async def _renew(self) -> None:
        if not self.is_held:
            # Late, and perhaps too late: whoever saw the old version may take it.
            self._lose()
        elif not await self._write(self._holder) and not await self._recover():
            self._lose()

    async def _recover(self) -> bool:
        """
        Renew the lease after a renewal whose answer was lost, or that another hub was faster than. Return whether.
        """
        note = await self._state.get(_KIND, _ID)
        if note is None or note.content.get("holder") != self._holder:
            return False
        self._seen = note.version
        return await self._write(self._holder)

    async def _write(self, holder: str | None) -> bool:
        began_s = self._clock_s()
        content = {"holder": holder, "term_s": self._term_s}
        version = await self._state.replace(_KIND, _ID, content, self._seen)
        if version is None:
            return False
        self._seen, self._seen_at_s = version, self._clock_s()
        self._until_s = began_s + self._term_s * (1 - _MARGIN)
        self.changed.set()
        return True

    def _lose(self) -> None:
        self._until_s = None
        self._seen, self._seen_at_s = None, self._clock_s()
        self.changed.set()

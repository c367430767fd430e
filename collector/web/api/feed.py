"""
The stream of events (server-sent events): every event that is stored, in the order of storing, from any point on.

The id of each message is the number of its event in the store, so a client that comes back with Last-Event-ID misses
nothing that is still stored. All streams share one wake-up; each reads the store only when there is something new.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

from collector.store import PastEvent
from collector.web.api.store_reader import StoreReader

_AT_ONCE: Final = 100
# Comments keep proxies from closing a stream; many close one after a minute of silence.
_KEEP_ALIVE_S: Final = 30.0
_KEEP_ALIVE: Final = b": alive\n\n"


class Feed:
    """
    The streams of one agent.

    Args:
        store: where the events are.
    """

    def __init__(self, store: StoreReader) -> None:
        self._store = store
        self._stored = asyncio.Event()
        self._lock = asyncio.Lock()
        # The last events that were read, after which number, and before which wake-up.
        self._read: tuple[asyncio.Event, int, list[PastEvent]] | None = None

    def wake(self) -> None:
        """
        Send new events: some were stored.
        """
        self._stored.set()
        self._stored = asyncio.Event()

    async def messages(self, after_seq: int | None, wants: Callable[[PastEvent], bool]) -> AsyncIterator[bytes]:
        """
        Yield messages until the client is gone.

        Args:
            after_seq: the number of the last event that the client has; None: only what is new.
            wants: says which events the client wants.
        """
        seq = after_seq if after_seq is not None else await self._store.read(lambda past: past.last_seq())
        yield _KEEP_ALIVE
        while True:
            stored = self._stored
            events = await self._after(seq, stored)
            for event in events:
                seq = event.seq
                if wants(event):
                    yield _message(event)
            if not events:
                try:
                    async with asyncio.timeout(_KEEP_ALIVE_S):
                        await stored.wait()
                except TimeoutError:
                    yield _KEEP_ALIVE

    async def _after(self, seq: int, stored: asyncio.Event) -> list[PastEvent]:
        """
        Return the first events after a number. Streams that are equally far share one reading of the store.
        """
        async with self._lock:
            if self._read is None or self._read[:2] != (stored, seq):
                events = await self._store.read(lambda past: past.events(after_seq=seq, limit=_AT_ONCE))
                self._read = (stored, seq, events)
            return self._read[2]


def _message(event: PastEvent) -> bytes:
    """
    Return one message. The body is JSON, whose line breaks stand between tokens; in a stream CR ends a line as LF does.
    """
    data = event.body.translate(None, b"\r\n")
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.seq, event.type.encode(), data)

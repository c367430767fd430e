"""
The questions of the pages and of the API, answered by the cluster.

They are asked from threads: each waits there for a request that the event loop sends.
"""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, TypeVar, Unpack

from collector.store import EventCount, EventFilter, Page, PastEvent
from fleet.opensearch.queries import between
from fleet.opensearch.reading import Reading

_Answer = TypeVar("_Answer")


class ClusterHistory:
    """
    What is stored in the cluster, for a thread.

    Args:
        reading: asks the cluster.
        loop: the loop that sends the requests; another thread's.
    """

    def __init__(self, reading: Reading, loop: asyncio.AbstractEventLoop) -> None:
        self._reading = reading
        self._loop = loop

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """
        Do nothing: the connections are the hub's.
        """

    def events(
        self, *, limit: int = -1, after_seq: int | None = None, **wanted: Unpack[EventFilter]
    ) -> list[PastEvent]:
        """
        Return events in the order in which they were stored: the newest, or with `after_seq` the first after it.

        Whoever continues by the number of an event misses none: those after a missing number come with it, or later.

        Raises:
            StoreError: the cluster does not answer.
        """
        if after_seq is None:
            return self._wait(lambda: self._reading.newest(wanted, limit))
        complete_seq = self._reading.complete_seq
        known = between(before_seq=complete_seq + 1 if complete_seq is not None else None)
        return self._wait(lambda: self._reading.after(wanted, after_seq, limit, known))

    def page(self, *, limit: int = 50, before_seq: int | None = None, **wanted: Unpack[EventFilter]) -> Page:
        """
        Return a page of events, newest first.

        Raises:
            StoreError: the cluster does not answer.
        """
        return self._wait(lambda: self._reading.page(wanted, before_seq, limit))

    def event(self, id_: str) -> PastEvent | None:
        """
        Return the event with this id, also in the second in which it was stored; None if it is not stored.

        Raises:
            StoreError: the cluster does not answer.
        """
        return self._wait(lambda: self._reading.event(id_))

    def last_seq(self) -> int:
        """
        Return the number of the newest event; 0 if there is none.

        Raises:
            StoreError: the cluster does not answer.
        """
        return self._wait(self._reading.last_seq)

    def count_by(self, *by: str, **wanted: Unpack[EventFilter]) -> list[EventCount]:
        """
        Count events by some of `day` (UTC), `type`, `cause` and `service`, in this order.

        Raises:
            StoreError: the cluster does not answer.
        """
        return self._wait(lambda: self._reading.count_by(by, wanted))

    def _wait(self, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        async def asked() -> _Answer:
            return await ask()

        return asyncio.run_coroutine_threadsafe(asked(), self._loop).result()

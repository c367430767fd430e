"""
Copies an input of the kernel into memory before anything is done with it.

The kernel overwrites or drops what is not read in time: a kernel log of 256 KB lasts for seconds in a storm. Copying a
record takes a microsecond, working on it takes a hundred. So the copy is made in the loop's own turn, whatever the
consumer waits for, and the consumer gets nothing while the kernel's buffer still holds something.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from typing import Final, Self

# More than the kernel's own buffers hold; a storm of 30 s fits in.
MAX_BYTES: Final = 8 << 20
# The loop's other tasks wait for so many reads, less than a millisecond.
_READS_PER_TURN: Final = 512
# What a bytes object takes beyond its content, with its place in the queue.
_OVERHEAD_BYTES: Final = 41
# The largest item, and how many are read in one go: the queue's bound is checked in between.
_ITEM_BYTES: Final = 65536
_IN_A_ROW: Final = 64


class Drain:
    """
    A bounded queue that is filled from a descriptor; use it as a context manager in the loop's thread.

    Entering copies what is there.

    When the queue is full, reading stops until half of it has been taken: the kernel's buffer fills next.

    Args:
        fd: a descriptor that the event loop can poll.
        read: reads one item without waiting; returns b"" or raises BlockingIOError if there is none.
        max_bytes: how much memory the queue may take.
        interval_s: after finding something, the descriptor is read again so much later; 0 reads it when it is readable.
        on_fresh: called with an item that was read first after the input had been empty, and with the time at which it
            was last seen empty (CLOCK_MONOTONIC, ns).
        on_error: called with what `read` has raised; if it returns, the next item is read.
        wall_ns: the wall clock.

    Attributes:
        read_until_ns: wall clock before the last read that found nothing; everything before has been copied. 0 if every
            read has found something so far.
        size_bytes: memory that the queue takes.
    """

    def __init__(
        self,
        fd: int,
        read: Callable[[], bytes],
        *,
        max_bytes: int = MAX_BYTES,
        interval_s: float = 0,
        on_fresh: Callable[[bytes, int], None] | None = None,
        on_error: Callable[[OSError], None] | None = None,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._fd = fd
        self._read = read
        self._max_bytes = max_bytes
        self._on_fresh = on_fresh
        self._on_error = on_error
        self._wall_ns = wall_ns
        self._items: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._failure: Exception | None = None
        self._timer: asyncio.Handle | None = None
        self._is_watched = False
        self._is_emptied = False
        self._empty_ns: int | None = None
        self._full_since_ns: int | None = None
        self._full_ns = 0
        self.interval_s = interval_s
        self.read_until_ns = 0
        self.size_bytes = 0

    def __enter__(self) -> Self:
        self._copy()
        return self

    def __exit__(self, *_: object) -> None:
        self._unwatch()

    @property
    def is_done(self) -> bool:
        """
        Whether everything has been taken: nothing waits here, and the last read found nothing.
        """
        return self._is_emptied and not self._items and self._failure is None

    @property
    def fill(self) -> float:
        """
        How full the queue is, 0 to 1.
        """
        return min(self.size_bytes / self._max_bytes, 1)

    @property
    def full_ns(self) -> int:
        """
        For how long the queue has been full, in all.
        """
        since_ns = self._full_since_ns
        return self._full_ns + (time.monotonic_ns() - since_ns if since_ns is not None else 0)

    def take(self, at_most: int) -> list[bytes]:
        """
        Return the oldest items; none while the input has more and there is room to copy it.

        Raises:
            Exception: what `read` has raised, once all items have been taken.
        """
        if self._failure is not None and not self._items:
            raise self._failure
        if not self._is_emptied and self._full_since_ns is None and self._failure is None:
            return []
        if at_most < len(self._items):
            items = [self._items.popleft() for _ in range(at_most)]
        else:
            items = list(self._items)
            self._items.clear()
        self.size_bytes -= sum(map(len, items)) + len(items) * _OVERHEAD_BYTES
        if self._full_since_ns is not None and self.size_bytes <= self._max_bytes // 2:
            self._full_ns, self._full_since_ns = self.full_ns, None
            self._copy()
        return items

    async def wait(self, timeout_s: float | None = None) -> bool:
        """
        Wait until there is something to take, or until `wake`; return False after the timeout.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        woken = self._news.is_set()
        self._news.clear()
        return woken

    def wake(self) -> None:
        """
        End the wait of the consumer.
        """
        self._news.set()

    def read_now(self) -> None:
        """
        Copy what is there, without waiting until the loop reports it.
        """
        if self._full_since_ns is None and self._failure is None:
            self._copy()

    def _copy(self) -> None:
        """
        Read until there is nothing more, until the queue is full, or until the loop's other tasks have waited enough.
        """
        before_ns = self._wall_ns()
        count = len(self._items)
        try:
            self._is_emptied = self._read_some()
        except Exception as error:  # noqa: BLE001 (the consumer gets it)
            self._failure = error
        if self._is_emptied:
            self.read_until_ns, self._empty_ns = before_ns, time.monotonic_ns()
        else:
            self._empty_ns = None
            if self.size_bytes >= self._max_bytes:
                self._full_since_ns = time.monotonic_ns()
        has_stopped = self._failure is not None or self._full_since_ns is not None
        if has_stopped or (self._is_emptied and self._items):
            self._news.set()
        self._schedule(found=len(self._items) > count, has_stopped=has_stopped)

    def _read_some(self) -> bool:
        """
        Copy items; return True if a read found nothing.
        """
        until = len(self._items) + _READS_PER_TURN
        while len(self._items) < until and self.size_bytes < self._max_bytes:
            try:
                if self._read_in_a_row(until):
                    return True
            except BlockingIOError:
                return True
            except OSError as error:
                if self._on_error is None:
                    raise
                self._on_error(error)
        return False

    def _read_in_a_row(self, until: int) -> bool:
        """
        Copy items until a read finds nothing (True), there are so many, or the queue is full.
        """
        items = self._items
        while len(items) < until and (room := self._max_bytes - self.size_bytes) > 0:
            count = min(until - len(items), max(room // _ITEM_BYTES, 1), _IN_A_ROW)
            if self._empty_ns is not None:
                count = 1
            if self._read_many(count) < count:
                return True
        return False

    def _read_many(self, count: int) -> int:
        """
        Copy at most so many items, without a line of Python for each. Return how many there were.
        """
        copied: list[bytes] = []
        try:
            copied.extend(islice(iter(self._read, b""), count))
        finally:  # what was read before an error counts
            self._items += copied
            self.size_bytes += sum(map(len, copied)) + len(copied) * _OVERHEAD_BYTES
            if copied and self._empty_ns is not None:
                self._note_fresh(copied[0])
        return len(copied)

    def _note_fresh(self, item: bytes) -> None:
        """
        Report the first item after the input had been empty.
        """
        if self._on_fresh is not None and self._empty_ns is not None:
            self._on_fresh(item, self._empty_ns)
        self._empty_ns = None

    def _schedule(self, *, found: bool, has_stopped: bool) -> None:
        """
        Decide when to read next: never, in the loop's next turn, after the interval, or when there is something.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if has_stopped:
            self._unwatch()
        elif not self._is_emptied:
            self._timer = asyncio.get_running_loop().call_soon(self._copy)
        elif self.interval_s and found:
            self._unwatch()
            self._timer = asyncio.get_running_loop().call_later(self.interval_s, self._copy)
        else:
            self._watch()

    def _watch(self) -> None:
        if not self._is_watched:
            asyncio.get_running_loop().add_reader(self._fd, self._copy)
            self._is_watched = True

    def _unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._is_watched:
            asyncio.get_running_loop().remove_reader(self._fd)
            self._is_watched = False

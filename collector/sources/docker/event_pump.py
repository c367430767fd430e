"""
The Docker source's work outside the event loop: a thread that reads events, and a queue of inspections.

Docker drops events that a listener does not take within 100 ms, and does not answer for a container while it starts it.
So the thread that reads never waits for an inspection, and several inspections run at once.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from collector.host.threads import Threads
from collector.sources.base import SourceError
from collector.sources.docker.client import DockerClient
from collector.sources.docker.event_lines import EventStream

# An event takes about half a kilobyte, and an object of Python some bytes more.
_QUEUED_BYTES: Final = 16_777_216
# Of an engine of a user, who could send without end: 16 of them must not take the agent's memory.
_USERS_BYTES: Final = 1_048_576
_OBJECT_BYTES: Final = 100
# So that the event loop does other things between two batches.
_TAKEN_AT_ONCE: Final = 1000
# While the queue is full: an engine that sends without end must not take the CPU as well.
_FULL_WAIT_S: Final = 0.01
_ASKED_AT_MOST: Final = 10_000
# Docker takes its time for a container that it is starting; the others need not wait for that one.
_INSPECTED_AT_ONCE: Final = 8


class EventPump:
    """
    A thread that does nothing but read events, because Docker drops what a listener does not take within 100 ms.

    The queue is bounded in bytes. Events that do not fit are dropped and counted; the caller compares all containers.

    Args:
        stream: the events.
        loop: the loop in which `take` is called.
        is_of_user: whether it is the engine of a user, for which less is queued.

    Attributes:
        dropped: events dropped since `reset_dropped`.
    """

    def __init__(self, stream: EventStream, loop: asyncio.AbstractEventLoop, *, is_of_user: bool = False) -> None:
        self._limit_bytes = _USERS_BYTES if is_of_user else _QUEUED_BYTES
        self._stream = stream
        self._loop = loop
        self._messages: deque[bytes] = deque()
        self._queued_bytes = 0
        self._taken_bytes = 0
        self._ended: SourceError | None = None
        self._news = asyncio.Event()
        self._is_woken = False
        self.dropped = 0
        threading.Thread(target=self._run, name="docker-events", daemon=True).start()

    async def take(self, timeout_s: float) -> tuple[list[bytes], SourceError | None]:
        """
        Return events that have arrived, one line each; wait for them at most `timeout_s` seconds.

        The second value is the reason why the stream ended; it is set once all events have been taken.
        """
        if not self._news.is_set():
            try:
                async with asyncio.timeout(timeout_s):
                    await self._news.wait()
            except TimeoutError:
                return [], None
        self._news.clear()
        messages = [self._messages.popleft() for _ in range(min(len(self._messages), _TAKEN_AT_ONCE))]
        self._taken_bytes += sum(map(_size_bytes, messages))
        if self._messages:
            self._news.set()
        return messages, self._ended if not self._messages else None

    def has_unread(self) -> bool:
        """
        Return whether events have arrived that were not taken, or were dropped and not compared.
        """
        return bool(self._messages) or self.dropped > 0 or self._stream.has_unread()

    def reset_dropped(self) -> int:
        """
        Return how many events were dropped since the last call.
        """
        count, self.dropped = self.dropped, 0
        return count

    def wake(self) -> None:
        """
        Make `take` return now. Call it in the loop's thread.
        """
        self._news.set()

    def _run(self) -> None:
        try:
            for message in self._stream:
                # Each counter has one writing thread, so that neither needs a lock.
                if self._queued_bytes - self._taken_bytes + _size_bytes(message) > self._limit_bytes:
                    self.dropped += 1
                    time.sleep(_FULL_WAIT_S)
                else:
                    self._messages.append(message)
                    self._queued_bytes += _size_bytes(message)
                self._wake()
            self._ended = SourceError("the Docker Engine closed the event stream")
        except SourceError as error:
            self._ended = error
        self._wake()

    def _wake(self) -> None:
        # A loop that has been woken and has not looked yet needs no second call, which costs as much as an event.
        if not self._is_woken and not self._loop.is_closed():
            self._is_woken = True
            self._loop.call_soon_threadsafe(self._wake_up)

    def _wake_up(self) -> None:
        self._is_woken = False
        self._news.set()


class InspectQueue:
    """
    Inspects containers in threads, a few at a time, and never the same container twice at once.

    Args:
        client: the engine.
        threads: for the calls, which block.
        ready: called in the loop's thread when an answer has arrived.

    Attributes:
        dropped: containers that did not fit into the queue since `reset_dropped`.
    """

    def __init__(self, client: DockerClient, threads: Threads, ready: Callable[[], None]) -> None:
        self._client = client
        self._threads = threads
        self._ready = ready
        self.dropped = 0
        self._waiting: dict[str, None] = {}
        self._asked: dict[str, asyncio.Future[Mapping[str, Any] | None]] = {}

    def ask(self, container_id: str) -> None:
        """
        Queue a container for inspection.

        If an inspection is already running, another one follows: the running one may be older than the reason to ask.
        """
        if container_id not in self._waiting and len(self._waiting) >= _ASKED_AT_MOST:
            self.dropped += 1
            return
        self._waiting[container_id] = None
        self._start_next()

    def reset_dropped(self) -> int:
        """
        Return how many containers were dropped since the last call.
        """
        count, self.dropped = self.dropped, 0
        return count

    def answers(self) -> list[tuple[str, Mapping[str, Any] | SourceError | None]]:
        """
        Return the answers since the last call, by container id; None means that Docker does not know the container.
        """
        done = [(container_id, future) for container_id, future in self._asked.items() if future.done()]
        for container_id, _ in done:
            del self._asked[container_id]
        self._start_next()
        return [(container_id, _answer(future)) for container_id, future in done]

    def _start_next(self) -> None:
        while len(self._asked) < _INSPECTED_AT_ONCE:
            container_id = next((waiting for waiting in self._waiting if waiting not in self._asked), None)
            if container_id is None:
                return
            del self._waiting[container_id]
            future = self._threads.call(self._client.inspect, container_id)
            future.add_done_callback(lambda _: self._ready())
            self._asked[container_id] = future


def _size_bytes(message: bytes) -> int:
    return len(message) + _OBJECT_BYTES


def _answer(future: "asyncio.Future[Mapping[str, Any] | None]") -> Mapping[str, Any] | SourceError | None:
    try:
        return future.result()
    except SourceError as error:
        return error

"""
What happens beside the loop: a thread that reads Docker's events, and inspections and logs, several at once.

Docker drops what a listener does not take within 100 ms, and does not answer for a container while it starts it: so
nobody who reads waits for an inspection, and no inspection waits for a slow one.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from collector.last_words import LastWords, last_words
from collector.sources.base import SourceError
from collector.sources.docker_client import DockerClient, EventStream
from collector.threads import in_thread

_QUEUED_AT_MOST: Final = 50_000
_INSPECTED_AT_ONCE: Final = 4
_TAILS_AT_ONCE: Final = 4
_TAILS_WAITING: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """
    A run whose last lines are wanted.

    Attributes:
        began_ns: None where its beginning was not seen.
    """

    container_id: str
    die_event_ns: int
    began_ns: int | None
    log_driver: str | None


class EventPump:
    """
    A thread that only reads: Docker drops what a listener does not take within 100 ms.

    The queue is bounded; what does not fit is dropped and counted, and the caller compares all containers instead.

    Args:
        stream: the events.
        loop: whose thread takes them.

    Attributes:
        dropped: how many did not fit since `reset_dropped`.
    """

    def __init__(self, stream: EventStream, loop: asyncio.AbstractEventLoop) -> None:
        self._stream = stream
        self._loop = loop
        self._messages: deque[Mapping[str, Any]] = deque()
        self._ended: SourceError | None = None
        self._news = asyncio.Event()
        self.dropped = 0
        threading.Thread(target=self._run, name="docker-events", daemon=True).start()

    async def take(self, timeout_s: float) -> tuple[list[Mapping[str, Any]], SourceError | None]:
        """
        What has come; waits for it at most `timeout_s`. The second part is set once the stream is at its end.
        """
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            return [], None
        self._news.clear()
        messages = [self._messages.popleft() for _ in range(len(self._messages))]
        return messages, self._ended if not self._messages else None

    def reset_dropped(self) -> int:
        """
        How many were dropped since the last call.
        """
        count, self.dropped = self.dropped, 0
        return count

    def wake(self) -> None:
        """
        Let `take` return now.
        """
        self._news.set()

    def _run(self) -> None:
        try:
            for message in self._stream:
                if len(self._messages) >= _QUEUED_AT_MOST:
                    self.dropped += 1
                else:
                    self._messages.append(message)
                self._tell()
            self._ended = SourceError("the Docker Engine closed the event stream")
        except SourceError as error:
            self._ended = error
        self._tell()

    def _tell(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._news.set)


class Inspections:
    """
    Asks Docker for containers, a few at a time; one container is never asked for twice at once.

    Args:
        client: the engine.
        ready: called in the loop's thread when an answer has come.
    """

    def __init__(self, client: DockerClient, ready: Callable[[], None]) -> None:
        self._client = client
        self._ready = ready
        self._waiting: dict[str, None] = {}
        self._asked: dict[str, asyncio.Future[Mapping[str, Any] | None]] = {}

    def ask(self, container_id: str) -> None:
        """
        Ask for a container, once more if an answer is on its way: that one may be older than the reason to ask.
        """
        self._waiting[container_id] = None
        self._go_on()

    def answers(self) -> list[tuple[str, Mapping[str, Any] | SourceError | None]]:
        """
        What has been answered since the last call; None: Docker does not know the container.
        """
        done = [(container_id, future) for container_id, future in self._asked.items() if future.done()]
        for container_id, _ in done:
            del self._asked[container_id]
        self._go_on()
        return [(container_id, _answer(future)) for container_id, future in done]

    def _go_on(self) -> None:
        for container_id in list(self._waiting):
            if len(self._asked) >= _INSPECTED_AT_ONCE:
                return
            if container_id in self._asked:
                continue
            del self._waiting[container_id]
            future = in_thread(self._client.inspect, container_id)
            future.add_done_callback(lambda _: self._ready())
            self._asked[container_id] = future


class Tails:
    """
    Asks for the last lines of containers that have ended, a few at a time, each at once if possible: with `--rm` the
    logs are gone in a moment. More than are to be had in time are not waited for.

    Args:
        client: the engine.
        ready: called in the loop's thread when lines have come.
    """

    def __init__(self, client: DockerClient, ready: Callable[[], None]) -> None:
        self._client = client
        self._ready = ready
        self._waiting: deque[Tail] = deque(maxlen=_TAILS_WAITING)
        self._asked: dict[Tail, asyncio.Future[LastWords]] = {}

    def ask(self, tail: Tail) -> None:
        """
        Ask for the lines of a run.
        """
        self._waiting.append(tail)
        self._go_on()

    def answers(self) -> list[tuple[Tail, LastWords]]:
        """
        What has come since the last call.
        """
        done = [(tail, future) for tail, future in self._asked.items() if future.done()]
        for tail, _ in done:
            del self._asked[tail]
        self._go_on()
        return [(tail, future.result()) for tail, future in done]

    def _go_on(self) -> None:
        while self._waiting and len(self._asked) < _TAILS_AT_ONCE:
            tail = self._waiting.popleft()
            future = in_thread(
                last_words,
                self._client,
                tail.container_id,
                log_driver=tail.log_driver,
                began_ns=tail.began_ns,
                ended_ns=tail.die_event_ns,
            )
            future.add_done_callback(lambda _: self._ready())
            self._asked[tail] = future


def _answer(future: "asyncio.Future[Mapping[str, Any] | None]") -> Mapping[str, Any] | SourceError | None:
    try:
        return future.result()
    except SourceError as error:
        return error

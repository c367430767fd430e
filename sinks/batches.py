"""
Sends a batch as requests with many events, divides a request that is refused, and ends a batch in time.

It knows no protocol, and never retries: what may succeed later is left to the next attempt.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sinks.base import Outgoing
from sinks.errors import DisabledError, PermanentError, Reason, TransientError
from sinks.outcome import Failure, worse

Outcomes: TypeAlias = dict[str, Failure | None]
Stop: TypeAlias = TransientError | DisabledError


@dataclass(frozen=True, slots=True)
class Part:
    """
    One event of a request, and what is sent for it.
    """

    event: Outgoing
    body: bytes


def in_requests(batch: Sequence[Outgoing], bodies: Iterable[bytes], max_bytes: int) -> Iterator[list[Part]]:
    """
    Divide a batch into requests of at most `max_bytes`; a larger event is alone in its request.

    Args:
        batch: the events.
        bodies: what is sent for each of them.
        max_bytes: of all bodies of a request.
    """
    parts: list[Part] = []
    size = 0
    for event, body in zip(batch, bodies, strict=True):
        if parts and size + len(body) > max_bytes:
            yield parts
            parts, size = [], 0
        parts.append(Part(event, body))
        size += len(body)
    if parts:
        yield parts


async def send_requests(
    requests: Iterable[Sequence[Part]], send: Callable[[Sequence[Part]], Awaitable[Outcomes | None]], seconds: float
) -> tuple[Outcomes, Stop | None]:
    """
    Send requests one after the other; return what became of the events, and why some were not tried.

    A request that is refused for good is divided until the event that is refused is alone: a proxy may accept less than
    the server, and most servers do not say which event they refuse. Nothing is sent after a failure that may pass.

    Args:
        requests: the parts of each request.
        send: sends one request; returns what became of its events by id, or None to have each of them sent alone.
        seconds: as for `TimeForBatch`.
    """
    outcomes: Outcomes = {}
    time_left = TimeForBatch(seconds)
    for request in requests:
        waiting = deque([request])
        while waiting:
            parts = waiting.popleft()
            found, smaller, stop = await _send(parts, send)
            outcomes |= found
            waiting.extendleft(reversed(smaller))
            stop = stop or time_left.is_over()
            if stop is not None:
                return outcomes, stop
    return outcomes, None


async def _send(
    parts: Sequence[Part], send: Callable[[Sequence[Part]], Awaitable[Outcomes | None]]
) -> tuple[Outcomes, Sequence[Sequence[Part]], Stop | None]:
    """
    Send one request; return what became of its events, the smaller requests to send instead, and why to stop.
    """
    try:
        found = await send(parts)
    except PermanentError as error:
        if len(parts) > 1:
            middle = len(parts) // 2
            return {}, (parts[:middle], parts[middle:]), None
        return dict.fromkeys((part.event.id for part in parts), error), (), None
    except (TransientError, DisabledError) as error:
        return {}, (), error
    if found is None:
        return {}, [[part] for part in parts], None
    stop: Stop | None = None
    for failure in found.values():
        if isinstance(failure, TransientError | DisabledError):
            stop = worse(stop, failure)
    return found, (), stop


class TimeForBatch:
    """
    The seconds in which requests of a batch are started; the rest is left to the next batch, which starts at once.

    Delivery gives up a batch that takes much longer than one request may, and would send all of it again.

    Args:
        seconds: the longest duration of one request, or more.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._end_s = self._loop.time() + seconds

    def is_over(self) -> TransientError | None:
        """
        Return why no further request is started; None if there is time.
        """
        if self._loop.time() < self._end_s:
            return None
        return TransientError(Reason.TIMEOUT, f"the batch was not sent within {self._seconds:g} s", retry_after_s=0.0)

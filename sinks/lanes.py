"""
Sends a batch with several requests in flight: events of one key in order, events of different keys concurrently.

A transient failure ends the batch: requests in flight are awaited and no other is started, so a later event of a key
never overtakes an earlier one. An event that will never be accepted does not hold up the others.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from sinks.base import Outgoing
from sinks.errors import DisabledError, PermanentError, Reason, TransientError
from sinks.outcome import Failure, raise_for, worse


async def send_in_lanes(
    batch: Sequence[Outgoing], post: Callable[[Outgoing], Awaitable[None]], *, in_flight: int, begin_s: float
) -> None:
    """
    Send a batch.

    Args:
        batch: the events, in order.
        post: sends one event, and raises one of the errors below.
        in_flight: the most requests that may run at once.
        begin_s: seconds in which requests are started; the rest is left to the next batch, which starts at once.

    Raises:
        TransientError, PermanentError: nothing of the batch was delivered.
        PartialError: the events that it does not name were delivered.
        DisabledError: nothing of the batch was delivered, and nothing more may be sent.
    """
    lanes = _Lanes(batch, post, begin_s)
    async with asyncio.TaskGroup() as tasks:
        for number in range(min(in_flight, lanes.count)):
            tasks.create_task(lanes.work(), name=f"lane {number}")
    raise_for(batch, lanes.outcomes, lanes.stop)


class _Lanes:
    """
    One batch that is being sent: a lane of events per key, and workers that take one lane after the other.

    Attributes:
        count: the number of keys.
        outcomes: the failure of each event that was tried, by id; None for a delivered event.
        stop: why no further request is started.
    """

    def __init__(self, batch: Sequence[Outgoing], post: Callable[[Outgoing], Awaitable[None]], begin_s: float) -> None:
        lanes: dict[str, list[Outgoing]] = {}
        for event in batch:
            lanes.setdefault(event.key, []).append(event)
        self.count = len(lanes)
        self.outcomes: dict[str, Failure | None] = {}
        self.stop: TransientError | DisabledError | None = None
        # All workers share one iterator, so that each lane is worked on by one of them.
        self._waiting = iter(lanes.values())
        self._post = post
        self._begin_s = begin_s
        self._loop = asyncio.get_running_loop()
        self._end_s = self._loop.time() + begin_s

    async def work(self) -> None:
        for lane in self._waiting:
            for event in lane:
                if self.stop is None and self._loop.time() >= self._end_s:
                    detail = f"the batch was not sent within {self._begin_s:g} s"
                    self.stop = TransientError(Reason.TIMEOUT, detail, retry_after_s=0.0)
                if self.stop is not None:
                    return
                self.outcomes[event.id] = await self._outcome(event)

    async def _outcome(self, event: Outgoing) -> Failure | None:
        try:
            await self._post(event)
        except PermanentError as error:
            return error
        except (TransientError, DisabledError) as error:
            self.stop = worse(self.stop, error)
            return error
        return None

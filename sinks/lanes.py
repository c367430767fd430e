"""
Sends a batch with several requests in flight: those of one key one after the other, those of different keys at once.

What may succeed later ends the batch: requests under way are waited for, no other is begun, and so no later event of
a key overtakes an earlier one. An event that will never be taken holds up nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from sinks.base import Outgoing
from sinks.errors import DisabledError, PartialError, PermanentError, Reason, TransientError

Failure: TypeAlias = TransientError | PermanentError | DisabledError


async def send_in_lanes(
    batch: Sequence[Outgoing], post: Callable[[Outgoing], Awaitable[None]], *, in_flight: int, begin_s: float
) -> None:
    """
    Send all of a batch.

    Args:
        batch: in order.
        post: sends one event, and raises one of the errors below.
        in_flight: how many may be under way at once.
        begin_s: how long requests are begun; what is then left is for the next batch, without a wait.

    Raises:
        TransientError, PermanentError: nothing of the batch was taken.
        PartialError: those not named in it were taken.
        DisabledError: nothing of the batch was taken, and nothing more may be sent.
    """
    lanes = _Lanes(batch, post, begin_s)
    async with asyncio.TaskGroup() as tasks:
        for number in range(min(in_flight, lanes.count)):
            tasks.create_task(lanes.work(), name=f"lane {number}")
    judge(batch, lanes.outcomes, lanes.stop)


class _Lanes:
    """
    One batch on its way.

    Attributes:
        count: how many keys there are.
        outcomes: per event that was tried what became of it; None: it was taken.
        stop: why no further request is begun.
    """

    def __init__(self, batch: Sequence[Outgoing], post: Callable[[Outgoing], Awaitable[None]], begin_s: float) -> None:
        lanes: dict[str, list[Outgoing]] = {}
        for event in batch:
            lanes.setdefault(event.key, []).append(event)
        self.count = len(lanes)
        self.outcomes: dict[str, Failure | None] = {}
        self.stop: TransientError | DisabledError | None = None
        # One iterator for all workers, so that each lane has one.
        self._waiting = iter(lanes.values())
        self._post = post
        self._begin_s = begin_s
        self._loop = asyncio.get_running_loop()
        self._end_s = self._loop.time() + begin_s

    async def work(self) -> None:
        for lane in self._waiting:
            for event in lane:
                if self.stop is None and self._loop.time() >= self._end_s:
                    words = f"not all of a batch in {self._begin_s:g} s"
                    self.stop = TransientError(Reason.TIMEOUT, words, retry_after_s=0.0)
                if self.stop is not None:
                    return
                self.outcomes[event.id] = await self._outcome(event)

    async def _outcome(self, event: Outgoing) -> Failure | None:
        try:
            await self._post(event)
        except PermanentError as error:
            return error
        except (TransientError, DisabledError) as error:
            self.stop = graver(self.stop, error)
            return error
        return None


def graver(
    one: TransientError | DisabledError | None, other: TransientError | DisabledError
) -> TransientError | DisabledError:
    """
    What is said of events that were not tried: that nothing may be sent any more, else the longest wait asked for.
    """
    match one, other:
        case None, _:
            return other
        case DisabledError(), _:
            return one
        case TransientError(), TransientError():
            return max(one, other, key=lambda error: error.retry_after_s or 0.0)
        case _:
            return other


def judge(
    batch: Sequence[Outgoing], outcomes: Mapping[str, Failure | None], stop: TransientError | DisabledError | None
) -> None:
    """
    Raise what the outcomes of a batch come to; nothing, if all of it was taken.

    Args:
        batch: all of it.
        outcomes: per event that was tried what became of it; None: it was taken.
        stop: why the others were not tried.
    """
    failures = {event.id: failure for event in batch if (failure := outcomes.get(event.id, stop)) is not None}
    if not failures:
        return
    if len(batch) == 1:
        raise failures[batch[0].id]
    if stop is not None and not _settled(outcomes.values()):
        raise stop
    raise PartialError({event_id: _of_one(failure) for event_id, failure in failures.items()})


def _settled(outcomes: Iterable[Failure | None]) -> bool:
    return any(outcome is None or isinstance(outcome, PermanentError) for outcome in outcomes)


def _of_one(failure: Failure) -> TransientError | PermanentError:
    """
    The end of sending cannot be said of one event: the next batch, which begins at once, meets it again.
    """
    if isinstance(failure, DisabledError):
        return TransientError(failure.reason, failure.detail, retry_after_s=0.0)
    return failure

"""
The outcome of a batch: from what became of each event to the one error that `Sink.send` raises.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from sinks.base import Outgoing
from sinks.errors import DisabledError, PartialError, PermanentError, TransientError

Failure: TypeAlias = TransientError | PermanentError | DisabledError


def worse(
    one: TransientError | DisabledError | None, other: TransientError | DisabledError
) -> TransientError | DisabledError:
    """
    Return the failure that decides about events that were not tried: a disabled sink, else the longest requested wait.
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


def raise_for(
    batch: Sequence[Outgoing], outcomes: Mapping[str, Failure | None], stop: TransientError | DisabledError | None
) -> None:
    """
    Raise the error that describes the outcome of a batch; return if every event was delivered.

    Args:
        batch: all its events.
        outcomes: the failure of each event that was tried, by id; None for a delivered event.
        stop: why the other events were not tried.
    """
    failures = {event.id: failure for event in batch if (failure := outcomes.get(event.id, stop)) is not None}
    if not failures:
        return
    if len(batch) == 1:
        raise failures[batch[0].id]
    if stop is not None and not _any_is_final(outcomes.values()):
        raise stop
    raise PartialError({event_id: _for_one_event(failure) for event_id, failure in failures.items()})


def _any_is_final(outcomes: Iterable[Failure | None]) -> bool:
    return any(outcome is None or isinstance(outcome, PermanentError) for outcome in outcomes)


def _for_one_event(failure: Failure) -> TransientError | PermanentError:
    # A single event cannot disable the sink: the next batch starts at once and raises DisabledError for all of it.
    if isinstance(failure, DisabledError):
        return TransientError(failure.reason, failure.detail, retry_after_s=0.0)
    return failure

"""
What a sink is sent next: of what waits for it in the store a batch, or one message to a person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from collector.delivery.grouping import Teller
from collector.store import PendingEvent, Store

_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NextBatch:
    """
    What to send next.

    Attributes:
        events: all that may be sent; of a sink that people read, one message.
        groups: what a person is told of by it.
        due_s: when to look again, if there is nothing; None: when something new is there.
    """

    events: Sequence[PendingEvent] = ()
    groups: Sequence[str] = ()
    due_s: float | None = None


async def next_batch(store: Store, sink: str, limit: int, now_s: float, *, probing: bool) -> NextBatch:
    """
    The next events of a sink that programs read.

    Args:
        store: where they wait.
        sink: its name.
        limit: how many at the most.
        now_s: the wall clock, seconds since 1970.
        probing: whether one event shall show if the sink works again.
    """
    events = await store.pending(sink, limit, now_s)
    if probing:
        events = _least_tried(events)
    return NextBatch(events=events, due_s=await store.next_retry_s(sink))


async def next_message(store: Store, sink: str, limit: int, now_s: float, teller: Teller) -> NextBatch:
    """
    The next message to a person, with how often it has happened before; to a sink that failed too.

    Args:
        store: where its events wait.
        sink: its name.
        limit: how many events at the most.
        now_s: the wall clock, seconds since 1970.
        teller: how often a person is told.
    """
    # In a storm much is stored while no message may go out: then nobody looks through it.
    if (free_s := teller.free_s(now_s)) > now_s:
        return NextBatch(due_s=free_s)
    plan = teller.plan(await store.waiting(sink, now_s), now_s)
    if not plan.groups:
        # A retry whose time has come waits for the turn of its group.
        times_s = (plan.due_s, await store.next_retry_s(sink))
        return NextBatch(due_s=min((at_s for at_s in times_s if at_s is not None and at_s > now_s), default=None))
    events = await store.pending(sink, limit, now_s, plan.groups)
    # Where there are more events than one message may have, a person is not told of all groups.
    groups = list(dict.fromkeys(event.outgoing.group for event in events if event.outgoing.group is not None))
    counts = await store.counts(groups, now_s - _DAY_S)
    return NextBatch(events=[_counted(event, counts) for event in events], groups=groups, due_s=now_s)


def _least_tried(waiting: Sequence[PendingEvent]) -> list[PendingEvent]:
    """
    One event to try a sink with: of those that are the first of their key one that failed least, for it may be the
    event that fails, not the sink.
    """
    first: dict[str, PendingEvent] = {}
    for event in waiting:
        first.setdefault(event.outgoing.key, event)
    return sorted(first.values(), key=lambda event: event.attempts)[:1]


def _counted(event: PendingEvent, counts: Mapping[str, int]) -> PendingEvent:
    times = counts.get(event.outgoing.group or "") or None
    return replace(event, outgoing=replace(event.outgoing, times_in_last_day=times))

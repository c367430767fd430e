"""
Chooses what a sink receives next: a batch of pending events, or the events of one message to people.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from collector.delivery.notification_groups import NotificationPlanner
from collector.store import PendingEvent, Store

_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NextBatch:
    """
    The events to send next.

    Attributes:
        events: the events to send; for a chat, those of one message.
        groups: for a chat, the groups that the message is about.
        due_s: if there are no events, when to look again, seconds since 1970; None: when something is stored.
    """

    events: Sequence[PendingEvent] = ()
    groups: Sequence[str] = ()
    due_s: float | None = None


async def next_batch(store: Store, sink: str, limit: int, now_s: float, *, probing: bool) -> NextBatch:
    """
    Return the next events for a sink that programs read.

    Args:
        store: where events are pending.
        sink: the name of the sink.
        limit: the largest number of events.
        now_s: the wall clock, seconds since 1970.
        probing: return only one event, to find out whether the sink works again.
    """
    events = await store.pending(sink, limit, now_s)
    if events:
        return NextBatch(events=_probe(events) if probing else events)
    return NextBatch(due_s=await store.next_retry_s(sink) if store.depth(sink) else None)


async def next_message(store: Store, sink: str, limit: int, now_s: float, planner: NotificationPlanner) -> NextBatch:
    """
    Return the events of the next message to people, each with how often its group happened in the last day.

    Args:
        store: where events are pending.
        sink: the name of the sink.
        limit: the largest number of events.
        now_s: the wall clock, seconds since 1970.
        planner: decides when and about which groups to notify.
    """
    # Ask the planner first: in a storm, many events are pending while no message may be sent, and reading them is slow.
    if (slot_s := planner.next_slot_s(now_s)) > now_s:
        return NextBatch(due_s=slot_s)
    plan = planner.plan(await store.pending_groups(sink, now_s), now_s)
    if not plan.groups:
        # A retry that is already due waits for the turn of its group, so its time is no reason to look again.
        times_s = (plan.due_s, await store.next_retry_s(sink))
        return NextBatch(due_s=min((at_s for at_s in times_s if at_s is not None and at_s > now_s), default=None))
    events = await store.pending(sink, limit, now_s, plan.groups)
    # If there are more events than fit into one message, the message is not about all planned groups.
    groups = list(dict.fromkeys(event.outgoing.group for event in events if event.outgoing.group is not None))
    counts = await store.counts(groups, now_s - _DAY_S)
    return NextBatch(events=[_counted(event, counts) for event in events], groups=groups, due_s=now_s)


def _probe(pending: Sequence[PendingEvent]) -> list[PendingEvent]:
    """
    Return the event to probe a sink with: of the first events of each key, the one with the fewest failed attempts. The
    failure may come from an event and not from the sink.
    """
    first: dict[str, PendingEvent] = {}
    for event in pending:
        first.setdefault(event.outgoing.key, event)
    return sorted(first.values(), key=lambda event: event.attempts)[:1]


def _counted(event: PendingEvent, counts: Mapping[str, int]) -> PendingEvent:
    times = counts.get(event.outgoing.group or "") or None
    return replace(event, outgoing=replace(event.outgoing, times_in_last_day=times))

"""
Notifies people without flooding them: what is sent now, which groups share a message, and what waits for a digest.

    first event of a group ── at once ──▶ message ── more events within `interval_s` ──▶ digest of the group

A group is the same kind of event of the same owner: a Compose service, else a container's name. Within any `interval_s`
at most `burst` messages are sent. If more groups are due than messages are left, one message covers all pending groups;
only the first message after a quiet time is always about its own group. New groups come before digests, and a digest
never uses the last message. Nothing is left out: each event is in exactly one message.

Pure: the only state is when people were last notified about each group (docs/adr/0012).
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from collector.store import PendingGroup
from sinks.base import Grouping
from sinks.chat.groups import group_name
from sinks.event import Event

# Slack and similar services accept one message per second.
BETWEEN_MESSAGES_S: Final = 1.0
# A message about all pending groups waits this long, so that the groups of one incident are in it together.
_GATHER_S: Final = 5.0
# The last messages are stored with the groups, as "message 0", "message 1" and so on. No group's name begins so.
_MESSAGE: Final = "message "


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    What to send next.

    Attributes:
        groups: send one message with the events of these groups; empty: send nothing now.
        due_s: if nothing is sent, when to plan again, seconds since 1970; None: when something is stored.
    """

    groups: Sequence[str] = ()
    due_s: float | None = None


class NotificationPlanner:
    """
    Plans the messages of one sink.

    Args:
        grouping: the configuration of the sink.
        notified_s: when people were last notified about each group, as stored; seconds since 1970.
    """

    def __init__(self, grouping: Grouping, notified_s: Mapping[str, float]) -> None:
        self._grouping = grouping
        self._notified_s = dict(notified_s)

    def plan(self, pending: Sequence[PendingGroup], now_s: float) -> Plan:
        """
        Decide which groups the next message is about, or when to plan again.

        Args:
            pending: the groups with pending events, by their first events.
            now_s: seconds since 1970.
        """
        if not pending:
            return Plan()
        if (slot_s := self.next_slot_s(now_s)) > now_s:
            return Plan(due_s=slot_s)
        due = [group for group in pending if self._due_s(group, now_s) <= now_s]
        fresh = [group for group in due if not self._is_digest(group)]
        if not due:
            return Plan(due_s=min(self._due_s(group, now_s) for group in pending))
        sent_s = self._recent_messages_s(now_s)
        messages_left = self._grouping.burst - len(sent_s)
        if messages_left == 1 and not fresh:
            return Plan(due_s=min(sent_s) + self._grouping.interval_s)
        usable = messages_left if fresh else messages_left - 1
        # The first new group after a quiet time is sent at once; it does not wait for others to gather.
        was_quiet = bool(fresh) and not sent_s
        if not was_quiet and len(pending) > 1 and (messages_left == 1 or len(due) > usable):
            return self._plan_all(pending, now_s)
        return Plan(groups=[(fresh or due)[0].name])

    def next_slot_s(self, now_s: float) -> float:
        """
        Return when the rate limits allow the next message, whatever is pending.
        """
        sent_s = self._recent_messages_s(now_s)
        if len(sent_s) >= self._grouping.burst:
            return min(sent_s) + self._grouping.interval_s
        return max(sent_s, default=-math.inf) + BETWEEN_MESSAGES_S

    def record(self, groups: Collection[str], now_s: float) -> Mapping[str, float]:
        """
        Record that a message about these groups was delivered. Return the times to store.
        """
        slots_s = {name: self._recent_s(name, now_s) for name in self._slots()}
        oldest = min(slots_s, key=lambda name: -math.inf if (sent_s := slots_s[name]) is None else sent_s)
        recorded = dict.fromkeys((*groups, oldest), now_s)
        still_needed = {name: at_s for name, at_s in self._notified_s.items() if at_s >= self.forget_before_s(now_s)}
        self._notified_s = still_needed | recorded
        return recorded

    def forget_before_s(self, now_s: float) -> float:
        """
        Return the time before which notifications no longer matter, not even for a digest that is late.
        """
        return now_s - 2 * self._grouping.interval_s

    def _plan_all(self, pending: Sequence[PendingGroup], now_s: float) -> Plan:
        gathered_s = min(group.since_s for group in pending) + _GATHER_S
        if now_s < gathered_s <= now_s + _GATHER_S:
            return Plan(due_s=gathered_s)
        return Plan(groups=[group.name for group in pending])

    def _recent_messages_s(self, now_s: float) -> list[float]:
        return [sent_s for name in self._slots() if (sent_s := self._recent_s(name, now_s)) is not None]

    def _slots(self) -> list[str]:
        return [f"{_MESSAGE}{number}" for number in range(self._grouping.burst)]

    def _due_s(self, group: PendingGroup, now_s: float) -> float:
        notified_s = self._recent_s(group.name, now_s)
        return now_s if notified_s is None else notified_s + self._grouping.interval_s

    def _is_digest(self, group: PendingGroup) -> bool:
        """
        Return whether the first pending event came within `interval_s` after a message about its group.
        """
        notified_s = self._notified_s.get(group.name)
        return notified_s is not None and group.since_s < notified_s + self._grouping.interval_s

    def _recent_s(self, name: str, now_s: float) -> float | None:
        """
        Return the time of a notification within the last `interval_s`.

        A time in the future was recorded before the clock was set back, and does not count.
        """
        at_s = self._notified_s.get(name)
        return at_s if at_s is not None and at_s <= now_s < at_s + self._grouping.interval_s else None


def group_of(event: Event) -> str:
    """
    Return the group of an event: its type, reason, severity and owner.

    An event that is more severe, or that reports recovery, is in another group: it does not wait for a digest.
    """
    return group_name(event.type.value, event.event.reason or event.event.action, event.event.severity, owner_of(event))


def owner_of(event: Event) -> str:
    """
    Return the owner of an event: a Compose service, a Swarm service or a Kubernetes pod, else the container's name.
    """
    orchestrator, container = event.orchestrator, event.container
    resource = orchestrator.resource.name if orchestrator is not None and orchestrator.resource is not None else None
    if orchestrator is not None and resource is not None:
        return f"{orchestrator.namespace}/{resource}" if orchestrator.namespace is not None else resource
    name = (container.name or container.id) if container is not None else None
    return name or event.subject

"""
How a person is told without being flooded: what goes out now, together with what, and what waits for a digest.

    a group's first event ── at once ──▶ message ── what follows within `interval_s` ──▶ digest of the group

A group is what happens in the same way to one owner: a Compose project's service, else a container's name. Within any
`interval_s` there are `burst` messages at the most; after the first, when more groups have something to tell than
messages are left, one message tells all that waits. What is new goes before digests, and no digest takes the last
message. Nothing is left out: each event is in exactly one message.

Pure: the state is when which group was last told of (docs/adr/0012).
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from collector.store import WaitingGroup
from sinks.base import Grouping
from sinks.event import Event

# Slack and those like it take one message a second.
BETWEEN_MESSAGES_S: Final = 1.0
# What shall be told all at once first gathers a little.
_GATHER_S: Final = 5.0
# The names of messages among those of groups, which never begin so.
_MESSAGE: Final = "message "


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    What to do next.

    Attributes:
        groups: one message: the events of all these. Empty: nothing goes out now.
        due_s: when to plan again, if nothing goes out; None: when something new is there.
    """

    groups: Sequence[str] = ()
    due_s: float | None = None


class Teller:
    """
    Plans the messages of one sink.

    Args:
        grouping: its configuration.
        told: when which group was told of, as noted before; seconds since 1970.
    """

    def __init__(self, grouping: Grouping, told: Mapping[str, float]) -> None:
        self._grouping = grouping
        self._told = dict(told)

    def plan(self, waiting: Sequence[WaitingGroup], now_s: float) -> Plan:
        """
        The next message, or how long there is none.

        Args:
            waiting: what there is to tell, in its order.
            now_s: seconds since 1970.
        """
        if not waiting:
            return Plan()
        if (free_s := self.free_s(now_s)) > now_s:
            return Plan(due_s=free_s)
        due = [group for group in waiting if self._due_s(group, now_s) <= now_s]
        fresh = [group for group in due if not self._is_digest(group)]
        if not due:
            return Plan(due_s=min(self._due_s(group, now_s) for group in waiting))
        sent = self._messages(now_s)
        left = self._grouping.burst - len(sent)
        if left == 1 and not fresh:
            return Plan(due_s=min(sent) + self._grouping.interval_s)
        room = left if fresh else left - 1
        # What is new after a quiet time does not wait for what may come with it.
        quiet = bool(fresh) and not sent
        if not quiet and len(waiting) > 1 and (left == 1 or len(due) > room):
            return self._all_together(waiting, now_s)
        return Plan(groups=[(fresh or due)[0].name])

    def free_s(self, now_s: float) -> float:
        """
        When the next message may go out, whatever there is to tell.
        """
        sent = self._messages(now_s)
        if len(sent) >= self._grouping.burst:
            return min(sent) + self._grouping.interval_s
        return max(sent, default=-math.inf) + BETWEEN_MESSAGES_S

    def told(self, groups: Collection[str], now_s: float) -> Mapping[str, float]:
        """
        A message about these was taken; gives what to store of it.
        """
        past = {name: self._past(name, now_s) for name in self._slots()}
        oldest = min(past, key=lambda name: -math.inf if (told_s := past[name]) is None else told_s)
        told = dict.fromkeys((*groups, oldest), now_s)
        kept = {name: told_s for name, told_s in self._told.items() if told_s >= self.forget_before_s(now_s)}
        self._told = kept | told
        return told

    def forget_before_s(self, now_s: float) -> float:
        """
        What was told before this does not matter any more: also for a digest that is late.
        """
        return now_s - 2 * self._grouping.interval_s

    def _all_together(self, waiting: Sequence[WaitingGroup], now_s: float) -> Plan:
        gathered_s = min(group.since_s for group in waiting) + _GATHER_S
        if now_s < gathered_s <= now_s + _GATHER_S:
            return Plan(due_s=gathered_s)
        return Plan(groups=[group.name for group in waiting])

    def _messages(self, now_s: float) -> list[float]:
        """
        When the messages of the last interval went out.
        """
        return [told_s for name in self._slots() if (told_s := self._past(name, now_s)) is not None]

    def _slots(self) -> list[str]:
        return [f"{_MESSAGE}{number}" for number in range(self._grouping.burst)]

    def _due_s(self, group: WaitingGroup, now_s: float) -> float:
        told_s = self._past(group.name, now_s)
        return now_s if told_s is None else told_s + self._grouping.interval_s

    def _is_digest(self, group: WaitingGroup) -> bool:
        """
        Whether what waits came so soon after a message about its group that it had to.
        """
        told_s = self._told.get(group.name)
        return told_s is not None and group.since_s < told_s + self._grouping.interval_s

    def _past(self, name: str, now_s: float) -> float | None:
        """
        When it was told, within the last interval; a time to come was noted before the clock was put back.
        """
        told_s = self._told.get(name)
        return told_s if told_s is not None and told_s <= now_s < told_s + self._grouping.interval_s else None


def group_of(event: Event) -> str:
    """
    The group of an event: what happened, how, how bad that is, and to whose container.

    What gets worse, and what is over, are groups of their own: neither waits for the digest of what was before.
    """
    how = event.event.reason or event.event.action
    return f"{event.type.value} {how} {event.event.severity} {owner_of(event)}"


def owner_of(event: Event) -> str:
    """
    Whose container an event is about: a Compose service, a Swarm service, a Kubernetes pod, else the container's name.
    """
    orchestrator, container = event.orchestrator, event.container
    resource = orchestrator.resource.name if orchestrator is not None and orchestrator.resource is not None else None
    if orchestrator is not None and resource is not None:
        return f"{orchestrator.namespace}/{resource}" if orchestrator.namespace is not None else resource
    name = (container.name or container.id) if container is not None else None
    return name or event.subject

"""
How a person is told without being flooded: what goes out now, together with what, and what waits for a digest.

The first event of a group goes at once; what follows in the same group is told together when the interval is over. A
group is what happens in the same way to one owner: a Compose project's service, else a container's name. When more
groups have something to tell than messages are left, the last message tells all of it. Nothing is left out: each event
is in exactly one message. Pure: the state is when which group was last told of.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from collector.store import PendingEvent
from sinks.base import Grouping

# Slack and those like it take one message a second.
_BETWEEN_MESSAGES_S: Final = 1.0
# What shall be told all at once first gathers a little.
_GATHER_S: Final = 5.0
# The names of messages among those of groups, which never begin so.
_MESSAGE: Final = "message "


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    What to do next.

    Attributes:
        events: one message: all of these. Empty: nothing goes out now.
        told: what to note once it was taken.
        due_s: when to plan again, if nothing goes out; None: when something new is there.
        whatever_comes: until then nothing new changes that.
    """

    events: Sequence[PendingEvent] = ()
    told: Mapping[str, float]
    due_s: float | None = None
    whatever_comes: bool = False


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

    def plan(self, waiting: Sequence[PendingEvent], now_s: float) -> Plan:
        """
        The next message, or how long there is none.

        Args:
            waiting: events in their order.
            now_s: seconds since 1970.
        """
        messages = self._messages(now_s)
        if messages and (free_s := max(messages) + _BETWEEN_MESSAGES_S) > now_s:
            return _later(free_s)
        left = self._grouping.burst - len(messages)
        if waiting and left <= 0:
            return _later(min(messages) + self._grouping.interval_s)
        groups = _groups(waiting)
        due = [name for name in groups if self._due_s(name, now_s) <= now_s]
        if not due:
            return Plan(told={}, due_s=min((self._due_s(name, now_s) for name in groups), default=None))
        if len(groups) > 1 and left < max(2, len(due)):
            return self._all_together(waiting, groups, now_s)
        return Plan(events=groups[due[0]], told=self._note([due[0]], now_s))

    def note(self, plan: Plan, now_s: float) -> None:
        """
        A message was taken.
        """
        self._told |= plan.told
        self._told = {name: told_s for name, told_s in self._told.items() if told_s > self.forget_before_s(now_s)}

    def forget_before_s(self, now_s: float) -> float:
        """
        What was told before this does not matter any more.
        """
        return now_s - self._grouping.interval_s

    def _all_together(
        self, waiting: Sequence[PendingEvent], groups: Mapping[str, Sequence[PendingEvent]], now_s: float
    ) -> Plan:
        gathered_s = min(event.stored_s for event in waiting) + _GATHER_S
        if now_s < gathered_s <= now_s + _GATHER_S:
            return _later(gathered_s)
        return Plan(events=waiting, told=self._note(list(groups), now_s))

    def _note(self, groups: Sequence[str], now_s: float) -> dict[str, float]:
        free = next(name for name in self._slots() if self._past(name, now_s) is None)
        return dict.fromkeys((*groups, free), now_s)

    def _messages(self, now_s: float) -> list[float]:
        """
        When the messages of the last interval went out.
        """
        return [told_s for name in self._slots() if (told_s := self._past(name, now_s)) is not None]

    def _slots(self) -> list[str]:
        return [f"{_MESSAGE}{number}" for number in range(self._grouping.burst)]

    def _due_s(self, group: str, now_s: float) -> float:
        told_s = self._past(group, now_s)
        return now_s if told_s is None else told_s + self._grouping.interval_s

    def _past(self, name: str, now_s: float) -> float | None:
        """
        When it was told, within the last interval; a time to come was noted before the clock was put back.
        """
        told_s = self._told.get(name)
        return told_s if told_s is not None and told_s <= now_s < told_s + self._grouping.interval_s else None


def group_of(body: bytes) -> str:
    """
    The group of an event: what happened, and to whose container; without one, of what it tells.
    """
    event = orjson.loads(body)
    return f"{event['type']} {owner_of(event)}"


def owner_of(event: Mapping[str, Any]) -> str:
    """
    Whose container an event is about: a Compose service, a Swarm service, a Kubernetes pod, else the container's name.
    """
    data = event["data"]
    orchestrator = data.get("orchestrator", {})
    resource, project = orchestrator.get("resource", {}).get("name"), orchestrator.get("namespace")
    if resource is not None:
        return f"{project}/{resource}" if project is not None else str(resource)
    container = data.get("container", {})
    return str(container.get("name") or container.get("id") or event["subject"])


def _groups(waiting: Sequence[PendingEvent]) -> dict[str, list[PendingEvent]]:
    groups: dict[str, list[PendingEvent]] = {}
    for event in waiting:
        groups.setdefault(group_of(event.outgoing.body), []).append(event)
    return groups


def _later(due_s: float) -> Plan:
    return Plan(told={}, due_s=due_s, whatever_comes=True)

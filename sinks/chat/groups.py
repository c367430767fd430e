"""
Groups the events that people read as one: the same kind of event of the same owner. For messages and web pages.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sinks.chat.titles import owner_of
from sinks.event.views import EventView
from sinks.text import clock

_Event = TypeVar("_Event")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """
    Events that are shown as one.

    Attributes:
        events: one or more, in order.
        times_in_last_day: how many there were in 24 hours, those of earlier messages included; None if unknown.
    """

    events: Sequence[EventView]
    times_in_last_day: int | None = None

    @property
    def last(self) -> EventView:
        """
        The last event, which represents all of them.
        """
        return self.events[-1]


def group_name(event_type: str, how: str | None, severity: int, owner: str) -> str:
    """
    Return the name of a group: type, reason, severity and owner.

    An event that is more severe, or that reports recovery, is in another group: it does not wait for a digest.
    """
    return f"{event_type} {how} {severity} {owner}"


def name_of(event: EventView) -> str:
    """
    Return the name of the group of a published event.
    """
    words = event.data.event
    return group_name(event.type, words.reason or words.action, words.severity, owner_of(event))


def gathered(events: Iterable[_Event], key: Callable[[_Event], str]) -> list[list[_Event]]:
    """
    Gather events by the names of their groups, in the order in which the groups begin.
    """
    found: dict[str, list[_Event]] = {}
    for event in events:
        found.setdefault(key(event), []).append(event)
    return list(found.values())


def worst_first(groups: Iterable[Group]) -> list[Group]:
    """
    Sort by severity, then by the number of events.
    """
    return sorted(groups, key=lambda group: (-group.last.data.event.severity, -len(group.events)))


def span_of(events: Iterable[EventView]) -> str:
    """
    Return when the first and the last of these events happened, in words.
    """
    times = sorted(event.time for event in events if event.time is not None)
    if not times:
        return "at unknown times"
    first, last = clock(times[0]), clock(times[-1])
    return f"at {first} UTC" if first == last else f"from {first} to {last} UTC"

"""
Many events in a few lines: deaths and OOM kills by service and cause, with counts and times, the worst first.

It stands at the beginning of an answer that would otherwise be a wall of sentences.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sinks.chat.titles import owner_of
from sinks.event.views import EventView
from sinks.event.words import Cause, EventType, Scope
from sinks.text import printable

# From this number of reports on, an answer begins with an overview.
MANY: Final = 6
_GROUPS_SHOWN: Final = 20
_OWNER_AT_LEAST: Final = 12
_OWNER_AT_MOST: Final = 32
_SCOPES: Final[Mapping[str, str]] = {
    Scope.CONTAINER: "OOM kill, own limit",
    Scope.PARENT: "OOM kill, limit above",
    Scope.HOST: "OOM kill, host memory",
}
_OTHERS: Final[Mapping[str, tuple[str, str]]] = {
    EventType.MEMORY_PRESSURE: ("memory warning", "memory warnings"),
    EventType.CONTAINER_STUCK: ("stuck container", "stuck containers"),
    EventType.KERNEL_EVENT: ("kernel event", "kernel events"),
    EventType.AGENT: ("event about the agent", "events about the agent"),
}
# What nobody has to look at comes last, however often it happened.
_HARMLESS: Final = frozenset({Cause.EXIT, Cause.DOCKER_STOP, Cause.DOCKER_RM, Cause.DAEMON_SHUTDOWN, Cause.HOST_REBOOT})


@dataclass(frozen=True, slots=True, kw_only=True)
class EventGroup:
    """
    The deaths of one service by one cause, or its OOM kills at one limit.

    Attributes:
        owner: the service, else the container; the host for a kill outside containers.
        what: the cause of the deaths, or whose limit was reached.
        first: RFC 3339; None if no event of the group has a time.
        last: the same.
    """

    owner: str
    what: str
    count: int
    is_harmless: bool
    first: str | None
    last: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """
    What has happened.

    Attributes:
        groups: the worst first: what is not harmless, then by count.
        deaths: how many there were.
        kills: how many OOM kills there were.
        others: how many events of other types there were, by type.
    """

    groups: Sequence[EventGroup]
    deaths: int
    kills: int
    others: Mapping[str, int]


def overview_of(events: Iterable[EventView]) -> Overview:
    """
    Gather events by service and cause.

    Args:
        events: in any order.
    """
    groups: dict[tuple[str, str], EventGroup] = {}
    types: Counter[str] = Counter()
    for event in events:
        types[event.type] += 1
        if event.type in (EventType.CONTAINER_DEATH, EventType.OOM_KILL):
            one = _group_of(event)
            known = groups.get((one.owner, one.what))
            groups[one.owner, one.what] = one if known is None else _joined(known, one)
    deaths, kills = types.pop(EventType.CONTAINER_DEATH, 0), types.pop(EventType.OOM_KILL, 0)
    return Overview(groups=sorted(groups.values(), key=_badness), deaths=deaths, kills=kills, others=types)


def as_lines(overview: Overview, width: int) -> list[str]:
    """
    Render an overview as a table; long names are cut.

    Args:
        overview: what has happened.
        width: of the terminal, in columns.
    """
    lines = [_heading(overview)]
    shown = overview.groups[:_GROUPS_SHOWN]
    if shown:
        lines += ["", *_table(shown, width)]
    hidden = overview.groups[_GROUPS_SHOWN:]
    if hidden:
        lines.append(f"  and {len(hidden)} more groups with {sum(group.count for group in hidden)} events")
    others = [_counted(number, *_OTHERS.get(type_, (type_, type_))) for type_, number in overview.others.items()]
    return [*lines, "", f"Also {', '.join(others)}."] if others else lines


def _badness(group: EventGroup) -> tuple[bool, int, str, str]:
    """
    Return the key that sorts the worst first; of two with the same count, deaths come before kills.
    """
    return group.is_harmless, -group.count, group.owner, group.what.casefold()


def _group_of(event: EventView) -> EventGroup:
    cause, oom = event.exit137.cause, event.exit137.oom
    what = f"death, {printable(cause)}"
    if event.type == EventType.OOM_KILL:
        what = _SCOPES.get(oom.scope or "", "OOM kill") if oom is not None else "OOM kill"
    return EventGroup(
        owner=printable(event.data.service.name or owner_of(event)),
        what=what,
        count=1,
        is_harmless=event.type == EventType.CONTAINER_DEATH and cause in _HARMLESS,
        first=event.time,
        last=event.time,
    )


def _joined(one: EventGroup, other: EventGroup) -> EventGroup:
    times = [time for time in (one.first, one.last, other.first, other.last) if time is not None]
    return EventGroup(
        owner=one.owner,
        what=one.what,
        count=one.count + other.count,
        is_harmless=one.is_harmless,
        first=min(times, default=None),
        last=max(times, default=None),
    )


def _heading(overview: Overview) -> str:
    counts = f"{_counted(overview.deaths, 'death', 'deaths')} and {_counted(overview.kills, 'OOM kill', 'OOM kills')}"
    firsts = [group.first for group in overview.groups if group.first is not None]
    lasts = [group.last for group in overview.groups if group.last is not None]
    if not firsts:
        return counts
    return f"{counts} from {_seconds(min(firsts))} to {_seconds(max(lasts))} UTC"


def _table(groups: Sequence[EventGroup], width: int) -> Iterator[str]:
    whats = max(len("what"), *(len(group.what) for group in groups))
    rest = len("  ") + len("  ") + whats + len("  count  ") + 2 * len("11-22 03:17:04") + len("  ")
    longest = max(len("service"), *(len(group.owner) for group in groups))
    owners = min(longest, _OWNER_AT_MOST, max(_OWNER_AT_LEAST, width - rest))
    yield f"  {'service':{owners}}  {'what':{whats}}  count  {'first (UTC)':14}  last"
    for group in groups:
        owner = group.owner if len(group.owner) <= owners else f"{group.owner[: owners - 1]}…"
        yield f"  {owner:{owners}}  {group.what:{whats}}  {group.count:>5}  {_day(group.first):14}  {_day(group.last)}"


def _counted(number: int, singular: str, plural: str) -> str:
    return f"{number} {singular if number == 1 else plural}"


def _seconds(stamp: str) -> str:
    return printable(stamp[:19].replace("T", " "))


def _day(stamp: str | None) -> str:
    return _seconds(stamp)[5:] if stamp is not None else "?"

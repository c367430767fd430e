"""
The records that the store accepts and returns.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sinks.base import Outgoing

# Where a source continues after a restart: a JSON object that only the source understands.
Position = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """
    An event to be stored.

    Attributes:
        key: events with the same key reach a sink in the order in which they were stored.
        time_ns: when it happened; None if that is unknown.
        body: one structured CloudEvent, UTF-8 JSON.
        sinks: the names of the sinks that receive it.
        group: events of one group are reported to people together.
    """

    id: str
    type: str
    subject: str
    key: str
    time_ns: int | None
    container_id: str | None
    body: bytes
    sinks: tuple[str, ...]
    group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingEvent:
    """
    An event that is not yet delivered to a sink.

    Attributes:
        attempts: the number of failed attempts.
    """

    outgoing: Outgoing
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingGroup:
    """
    The pending events of one group.

    Attributes:
        name: the name of the group.
        since_s: when the first of the events was stored, seconds since 1970.
    """

    name: str
    since_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PastEvent:
    """
    An event of the history.

    Attributes:
        seq: its number; pass it as `after_seq` to continue from here.
        time_ns: when it happened; when it was stored, if that is unknown.
    """

    seq: int
    id: str
    type: str
    subject: str
    container_id: str | None
    time_ns: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """
    Events, newest first.

    Attributes:
        next_before_seq: pass it as `before_seq` to read older events; None if all have been looked at.
    """

    events: list[PastEvent]
    next_before_seq: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCount:
    """
    How many events have the same values. A value is None if it was not counted by, or if these events have none.

    Attributes:
        day_ns: when the day on which they happened began (UTC).
        events: how many there are.
    """

    day_ns: int | None
    type: str | None
    cause: str | None
    service: str | None
    events: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """
    The undelivered events of one sink that were dropped because the store was full.

    Attributes:
        since_ns: when the first of them was stored.
        until_ns: when the last of them was stored.
    """

    sink: str
    count: int
    since_ns: int
    until_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationLog:
    """
    The groups that a message to people was about.

    Attributes:
        groups: the time of the message for each group, seconds since 1970.
        forget_before_s: earlier notifications no longer matter.
    """

    groups: Mapping[str, float]
    forget_before_s: float

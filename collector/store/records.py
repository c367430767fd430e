"""
What goes into the store and what comes out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sinks.base import Outgoing


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """
    An event to be stored.

    Attributes:
        key: what orders events among themselves.
        time_ns: when it happened; None: unknown.
        body: one structured CloudEvent, UTF-8 JSON.
        sinks: the names of the sinks that it goes to.
        group: what a person is told together with it.
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
    An event that a sink has yet to take.

    Attributes:
        attempts: how often that was tried.
    """

    outgoing: Outgoing
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingGroup:
    """
    Events that a sink has yet to take, and that a person is told together.

    Attributes:
        name: the group's.
        since_s: when the first of them was stored, seconds since 1970.
    """

    name: str
    since_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PastEvent:
    """
    An event as the history gives it.

    Attributes:
        seq: its number; go on from here with `after_seq`.
        time_ns: when it happened, or when it was stored, where that is not known.
    """

    seq: int
    id: str
    type: str
    subject: str
    container_id: str | None
    time_ns: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Dropped:
    """
    What was dropped for want of room before one sink had taken it.

    Attributes:
        since_ns: when the first of them was stored.
        until_ns: when the last was.
    """

    sink: str
    count: int
    since_ns: int
    until_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """
    What a person was told of.

    Attributes:
        groups: per group of events when, seconds since 1970.
        forget_before_s: what was told before this is of no use any more.
    """

    groups: Mapping[str, float]
    forget_before_s: float

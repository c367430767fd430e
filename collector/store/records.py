"""
What goes into the store and what comes out.
"""

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
    """

    id: str
    type: str
    subject: str
    key: str
    time_ns: int | None
    container_id: str | None
    body: bytes
    sinks: tuple[str, ...]


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

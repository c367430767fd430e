"""
The contract of a sink: it only sends.

Order, retries, deadlines, metrics and dead letters are the business of collector/delivery; a sink knows none of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Protocol, runtime_checkable

import msgspec

# A hundred years: long enough for "never", and still a number that times can be computed with.
LONGEST_S: Final = 3_155_760_000


class SinkConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    The settings that every sink has.

    Attributes:
        name: its name in logs and metrics; its pending events are stored under this name.
        type: the kind of sink, a key of `sinks.SINKS`.
        events: send only events of these types; None sends all but `exit137.host_status`.
        causes: of the events that have a cause, send only these; None sends all.
        images: send only events of containers whose image name matches a pattern (`*`, `?`, `[…]`); None sends all.
        labels: send only events of containers with these labels: the name, and a pattern for the value.
        give_up_after_s: an event that is pending for longer becomes a dead letter.
        for_people: whether people read what it sends, or are called by it.
    """

    for_people: ClassVar[bool] = False
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    type: str
    events: tuple[str, ...] | None = None
    causes: tuple[str, ...] | None = None
    images: tuple[str, ...] | None = None
    labels: Mapping[str, str] = {}
    give_up_after_s: Annotated[float, msgspec.Meta(gt=0, le=LONGEST_S)] = 604_800

    def check(self) -> None:
        """
        Check that the settings fit together, as far as possible without reading a file.

        Raises:
            DisabledError: they do not.
        """


class Grouping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    How often people are notified, through a sink whose messages people read (`[sinks.grouping]`).

    Attributes:
        interval_s: seconds after a notification in which further events of its group are collected for the next one.
        burst: the most notifications within `interval_s`; the last of them covers everything that is pending.
    """

    interval_s: Annotated[float, msgspec.Meta(ge=1, le=LONGEST_S)] = 300
    burst: Annotated[int, msgspec.Meta(ge=2)] = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """
    An event as delivery hands it to a sink.

    Attributes:
        id: the event's id, by which consumers drop duplicates.
        type: the event's type, such as `exit137.oom_kill`.
        key: events with the same key stay in order: the container's id, or the subject.
        body: one structured CloudEvent as UTF-8 JSON, without a newline.
        group: events that people are notified of together: of the same kind and the same owner.
        times_in_last_day: events of the group within 24 hours, this one included; None if they were not counted.
    """

    id: str
    type: str
    key: str
    body: bytes
    group: str | None = None
    times_in_last_day: int | None = None


class Sink(Protocol):
    """
    One destination. The caller never runs two of these methods at once.

    Attributes:
        max_batch: the largest batch that is efficient; `send` itself takes any number of events.
    """

    max_batch: int

    async def open(self) -> None:
        """
        Prepare for sending. May be called again after a failure.

        Raises:
            TransientError: the destination cannot be reached now.
            DisabledError: the configuration cannot work.
        """

    async def send(self, batch: Sequence[Outgoing]) -> None:
        """
        Send a batch in order; return when the destination has accepted all of it.

        Raises:
            TransientError, PermanentError: no event of the batch counts as delivered.
            PartialError: the events that it does not name were delivered.
            DisabledError: nothing more may be sent.
        """

    async def aclose(self) -> None:
        """
        Release all resources. May be called before `open`, and twice.
        """


@runtime_checkable
class RepeatingSink(Sink, Protocol):
    """
    A sink whose destination forgets what it is not reminded of.

    Attributes:
        repeat_every_s: how often `repeat` is called once something was sent.
    """

    repeat_every_s: float

    async def repeat(self) -> None:
        """
        Send again what still holds. The sink is open.

        Raises:
            SinkError: the destination did not accept it; `repeat` is called again later.
        """


@runtime_checkable
class VerifiableSink(Sink, Protocol):
    """
    A sink that can check what the files of its configuration hold, without sending anything.
    """

    async def verify(self) -> None:
        """
        Read the files.

        Raises:
            SinkError: they cannot be used.
        """

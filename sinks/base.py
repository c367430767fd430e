"""
The contract of a sink: it only sends.

Order, retry, deadlines, metrics and what becomes of failures are in collector/delivery; a sink knows none of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Protocol

import msgspec

# A hundred years: what is meant to be for ever can still be reckoned with.
LONGEST_S: Final = 3_155_760_000


class SinkConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    What every sink's table in the configuration may hold.

    Attributes:
        name: what logs and metrics call it; the events that wait for it are stored under this name.
        type: which kind of sink, a key of `sinks.SINKS`.
        events: only these event types; None: all.
        causes: of the events that have a cause, only these; None: all.
        images: of containers, only those whose image's name fits one of these patterns (`*`, `?`, `[…]`); None: all.
        labels: of containers, only those whose labels fit: the name, and a pattern for the value.
        give_up_after_s: an event that waits longer is put aside.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    type: str
    events: tuple[str, ...] | None = None
    causes: tuple[str, ...] | None = None
    images: tuple[str, ...] | None = None
    labels: Mapping[str, str] = {}
    give_up_after_s: Annotated[float, msgspec.Meta(gt=0, le=LONGEST_S)] = 604_800

    def check(self) -> None:
        """
        Whether the settings go together, as far as that can be said without reading a file.

        Raises:
            DisabledError: they do not.
        """


class Grouping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    How often a person is told, through a sink whose messages people read (`[sinks.grouping]`).

    Attributes:
        interval_s: after a message about a group, what else happens in it is told together, so much later.
        burst: how many messages there may be at the most within `interval_s`; the last of them tells all that waits.
    """

    interval_s: Annotated[float, msgspec.Meta(ge=1, le=LONGEST_S)] = 300
    burst: Annotated[int, msgspec.Meta(ge=2)] = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """
    One event on its way out.

    Attributes:
        id: the event's id: the consumer's key for dropping duplicates.
        type: the event's type (`exit137.oom_kill`).
        key: what orders it: the container's id, or the subject.
        body: one structured CloudEvent as UTF-8 JSON, without a newline.
        group: what a person is told together: the same kind of event, of the same owner.
        times_in_last_day: how often that happened within 24 hours, this time included; None: nobody has counted.
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
        max_batch: how many events are best sent at once, at the most; `send` itself takes any number.
    """

    max_batch: int

    async def open(self) -> None:
        """
        Make ready to send. May be called again after a failure.

        Raises:
            TransientError: the other side is not there (yet).
            DisabledError: the configuration cannot work.
        """

    async def send(self, batch: Sequence[Outgoing]) -> None:
        """
        Send all of a batch, in order; returns when the destination holds it.

        Raises:
            TransientError, PermanentError: none of the batch can be taken as delivered.
            PartialError: those not named in it were delivered.
            DisabledError: nothing more may be sent.
        """

    async def aclose(self) -> None:
        """
        Let go of everything. Safe before `open` and twice.
        """

"""
The contract of a sink: it only sends.

Order, retry, deadlines, metrics and what becomes of failures are in collector/delivery; a sink knows none of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """
    One event on its way out.

    Attributes:
        id: the event's id: the consumer's key for dropping duplicates.
        type: the event's type (`exit137.oom_kill`).
        key: what orders it: the container's id, or the subject.
        body: one structured CloudEvent as UTF-8 JSON, without a newline.
    """

    id: str
    type: str
    key: str
    body: bytes


class Sink(Protocol):
    """
    One destination. The caller never runs two of these methods at once.
    """

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

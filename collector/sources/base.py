"""
The contract of a source: it yields what it read, with the position to go on from after a restart.

A position is a small JSON object that only its source understands. It is stored in the same transaction as the
events that the facts led to, and never passes a fact that the correlator still holds (docs/adr/0003).
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from collector.correlate.facts import Fact

Position = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """
    What one look at the input gave.

    Attributes:
        facts: in the order of the input; often empty, when nothing that was read concerns us.
        position: where to go on, once these facts need not be read again.
    """

    facts: tuple[Fact, ...]
    position: Position


class Source(Protocol):
    """
    One input. `readings` runs until it is cancelled or the input is gone; the supervisor starts it again.

    Attributes:
        name: as in the configuration.
        records: how many records were read.
        garbage: how many of them could not be understood.
    """

    name: str
    records: int
    garbage: int

    def readings(self, position: Position | None) -> AsyncGenerator[Reading]:
        """
        Read from a position on (None: from where this source has always begun on a host that it never saw).

        Raises:
            SourceError: the input cannot be read (any more); says whether to wait for it or to ask a person.
        """
        ...


class SourceError(Exception):
    """
    Raised when an input cannot be read now; trying again later is right.

    Args:
        why: what is wrong, in words.
    """

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


class SourceMissingError(SourceError):
    """
    Raised when this host does not have the input; it may appear later.
    """


class PrivilegeError(SourceError):
    """
    Raised when the agent may not read the input.

    Args:
        why: what was refused.
        remedy: how to grant it.
    """

    def __init__(self, why: str, remedy: str) -> None:
        self.remedy = remedy
        super().__init__(f"{why}; {remedy}")

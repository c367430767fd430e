"""
The contract of a source: it yields facts, and the position from which to continue after a restart.

A position is a small JSON object that only its source understands. It is stored in the same transaction as the
events that the facts led to, and never runs ahead of a fact that the correlator still holds (docs/adr/0003).
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from collector.facts.observed import Fact, GapFact
from collector.host.drain import Drain
from sinks.event import GapKind

Position = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """
    The result of reading an input once.

    Attributes:
        facts: in the order of the input; often empty, when nothing that was read concerns a kill or a death.
        position: where to continue once these facts need not be read again.
    """

    facts: tuple[Fact, ...]
    position: Position


class Source(Protocol):
    """
    One input. `readings` runs until it is cancelled or the input fails; the supervisor starts it again.

    Attributes:
        name: the name in the configuration.
    """

    name: str

    @property
    def records(self) -> int:
        """The number of records read."""

    @property
    def garbage(self) -> int:
        """The number of records that could not be parsed."""

    def readings(self, position: Position | None) -> AsyncGenerator[Reading]:
        """
        Read from a position on; None on the first start on this host.

        Raises:
            SourceError: the input cannot be read, or no longer; the subclass says whether a person must act.
        """
        ...

    def request_watermark(self) -> None:
        """
        Have a `WatermarkFact` yielded soon: when everything that the input holds now has been read.

        Called in the loop's thread, perhaps often. A source whose facts state the time of their reading does nothing.
        """
        ...


@runtime_checkable
class BufferedSource(Protocol):
    """
    A source that copies its input before it works on it.

    Attributes:
        drain: what was copied and not processed yet; None while the source is down.
    """

    @property
    def drain(self) -> Drain | None:
        """The copy."""


@runtime_checkable
class SheddingSource(Protocol):
    """
    A source that leaves something out while the agent is behind.

    Attributes:
        is_behind: whether the agent is behind.
    """

    is_behind: bool


@runtime_checkable
class DescribedSource(Protocol):
    """
    A source that says what it reads, beyond its name.
    """

    @property
    def detail(self) -> str | None:
        """What is read, in words for `exit137 check`; None before it is known."""


@runtime_checkable
class SurveyedSource(Protocol):
    """
    A source with several inputs, each of which may be readable or not.
    """

    async def survey(self) -> str:
        """
        Return in words which inputs there are, and why one cannot be read, for `exit137 check`.
        """
        ...


def watched_until(now_ns: int) -> Position:
    """
    Return the position of a source that cannot read the past: the time until which it has watched.
    """
    return {"watched_ns": now_ns}


def unwatched(source: str, position: Position | None, now_ns: int) -> tuple[GapFact, ...]:
    """
    Return the gap since the position of a source that cannot read the past; nothing on its first start.
    """
    from_ns = position.get("watched_ns") if position is not None else None
    if not isinstance(from_ns, int):
        return ()
    text = f"The agent was not running: what the source {source} would have seen in that time is unknown."
    return (GapFact(source=source, what=GapKind.NOT_WATCHED, at_ns=now_ns, text=text, from_ns=from_ns, to_ns=now_ns),)


class SourceError(Exception):
    """
    Raised when an input cannot be read now; the supervisor tries again.

    Args:
        why: what is wrong, for the log and `exit137 check`.
    """

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


class SourceMissingError(SourceError):
    """
    Raised when this host does not have the input. It may appear later.
    """


class PrivilegeError(SourceError):
    """
    Raised when the agent lacks the privilege to read the input; a person must grant it.

    Args:
        why: what was refused.
        remedy: how to grant the privilege.
    """

    def __init__(self, why: str, remedy: str) -> None:
        self.remedy = remedy
        super().__init__(f"{why}; {remedy}")

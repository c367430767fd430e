"""
Facts that the store still held when the agent started.
"""

from dataclasses import dataclass

from parsers.engine import ContainerEngine
from sinks.event import Killer, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredRunFact:
    """
    A run that had not ended when the agent last stopped.

    Attributes:
        boot_id: the boot in which it ran.
        started_at_ns: State.StartedAt of the run, or the time of its start event.
        engine: the engine that runs it, where that is not the host's Docker.
    """

    container_id: str
    name: str | None
    image: str | None
    boot_id: str | None
    started_at_ns: int
    main_pid: int | None
    engine: ContainerEngine | None = None

    @property
    def occurred_at_ns(self) -> int:
        """The start of the run."""
        return self.started_at_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredKillFact:
    """
    An OOM kill that was published before the agent was restarted.

    Attributes:
        vouched_for: whether it was published as more than possible.
    """

    event_id: str
    container_id: str
    at_ns: int
    pid: int
    comm: str | None
    main_process: bool | None
    killer: Killer
    scope: Scope | None
    limit_bytes: int | None
    text: str
    vouched_for: bool

    @property
    def occurred_at_ns(self) -> int:
        """The time of the kill."""
        return self.at_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredDeathFact:
    """
    A death that was published before the agent was restarted; the end of its run may be read again.

    Attributes:
        ended_us: every stamp of the end in the event, microseconds: State.FinishedAt, and that of Docker's `die`.
    """

    container_id: str
    ended_us: tuple[int, ...]

    @property
    def occurred_at_ns(self) -> int | None:
        """The earliest stamp of the end."""
        return min(self.ended_us) * 1000 if self.ended_us else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredWarningFact:
    """
    A memory warning that was published and not yet resolved when the agent last stopped.

    Attributes:
        container_id: None for a warning about the host.
        kind: as published, like `level`.
        since_ns: when it was first raised.
    """

    container_id: str | None
    kind: str
    level: str
    since_ns: int

    @property
    def occurred_at_ns(self) -> int:
        """The time at which the warning was first raised."""
        return self.since_ns

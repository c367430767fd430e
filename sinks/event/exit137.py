"""
The `exit137` namespace of the published event, and the evidence in it.
"""

from dataclasses import dataclass
from typing import Final

from sinks.event.culprit import Culprit
from sinks.event.death import Death
from sinks.event.engine import Engine
from sinks.event.fleet import Fleet, HostStatus
from sinks.event.kernel import Crash, Kernel
from sinks.event.memory import Advice, Memory, Pressure, Stuck
from sinks.event.oom import Oom
from sinks.event.words import Cause, Confidence, EvidenceSource, GapKind, Shed, TrimUnit

SCHEMA_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """
    One observation, in the words of its source.

    Attributes:
        printed_time: the time as a pasted text prints it, where that is not a point in time: no year, or no zone.
    """

    source: EvidenceSource
    time_ns: int | None = None
    printed_time: str | None = None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """
    What an agent event is about: lost evidence, or a source that went down or came back.

    Attributes:
        source: the source's name, as in the configuration.
        what: the kind of gap.
        count: how many records were lost, if known.
        from_ns: the start of the time that is not covered.
        to_ns: the end of that time; None while it lasts.
    """

    source: str
    what: GapKind
    count: int | None = None
    from_ns: int | None = None
    to_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trimmed:
    """
    A field that was trimmed because the event was too large (`size.py`).

    Attributes:
        field: its path in `data`.
        unit: what `kept` and `of` count.
        kept: how much is left.
        of: how much there was.
    """

    field: str
    unit: TrimUnit
    kept: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit137:
    """
    The `exit137` namespace. `logs` has the last log lines with secrets masked; `logs_missing` says why there are none.

    `supersedes` is the id of an earlier event about the same kill, which this event replaces.
    `shed` names what was left out because the agent was behind; None where nothing was.
    """

    schema_version: int = SCHEMA_VERSION
    cause: Cause | None = None
    confidence: Confidence
    evidence: tuple[Evidence, ...] = ()
    oom: Oom | None = None
    engine: Engine | None = None
    culprit: Culprit | None = None
    death: Death | None = None
    memory: Memory | None = None
    pressure: Pressure | None = None
    stuck: Stuck | None = None
    kernel: Kernel | None = None
    crash: Crash | None = None
    advice: tuple[Advice, ...] = ()
    logs: tuple[str, ...] = ()
    logs_missing: str | None = None
    gap: Gap | None = None
    supersedes: str | None = None
    status: HostStatus | None = None
    fleet: Fleet | None = None
    shed: tuple[Shed, ...] | None = None
    trimmed: tuple[Trimmed, ...] | None = None

"""
The namespace of our own in the published event, and the evidence in it.
"""

from dataclasses import dataclass
from typing import Final

from sinks.event.death import Death
from sinks.event.memory import Advice, Memory, Pressure, Stuck
from sinks.event.oom import Oom
from sinks.event.words import Cause, Confidence, EvidenceSource, TrimUnit

SCHEMA_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """
    One thing that was seen, in its own words.
    """

    source: EvidenceSource
    time_ns: int | None = None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """
    What an agent event is about: evidence lost, or a source down or back.

    Attributes:
        source: the source's name, as in the configuration.
        what: a word for it (`records_lost`, `source_down`, `source_up`, `report_incomplete`, …).
        count: how many were lost, where that is known.
        from_ns: begin of the time that is not covered.
        to_ns: its end; None while it lasts.
    """

    source: str
    what: str
    count: int | None = None
    from_ns: int | None = None
    to_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trimmed:
    """
    A field of which something is missing, because the event would have been too large (`size.py`).

    Attributes:
        field: its path in `data`.
        unit: what was counted.
        kept: how much of it is left.
        of: how much it was.
    """

    field: str
    unit: TrimUnit
    kept: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit137:
    """
    Our own namespace. `logs` are the last lines of the container, secrets masked; `logs_missing` why there are none.
    """

    schema_version: int = SCHEMA_VERSION
    cause: Cause | None = None
    confidence: Confidence
    evidence: tuple[Evidence, ...] = ()
    oom: Oom | None = None
    death: Death | None = None
    memory: Memory | None = None
    pressure: Pressure | None = None
    stuck: Stuck | None = None
    advice: tuple[Advice, ...] = ()
    logs: tuple[str, ...] = ()
    logs_missing: str | None = None
    gap: Gap | None = None
    trimmed: tuple[Trimmed, ...] | None = None

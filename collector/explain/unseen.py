"""
Names the evidence that is missing from an event, so that nobody reads more into a report than it says.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sinks.event.views import EventView
from sinks.event.words import Cause, EventType, EvidenceSource, Shed
from sinks.text import printable

_SHED: Final[Mapping[str, str]] = {
    Shed.LOGS: "The container's log was not read, because the agent was behind.",
    Shed.MEMORY: "The processes of the container may not have been read, because the agent was behind.",
}
_BY_SIGNAL: Final = frozenset({Cause.SIGNAL, Cause.UNKNOWN})


def unseen(event: EventView, related: Sequence[EventView] = ()) -> tuple[str, ...]:
    """
    Return in sentences what is missing.

    Args:
        event: what the report is about.
        related: other events of the same run, which may have what the event lacks.
    """
    return tuple(_sentences(event, related))


def _sentences(event: EventView, related: Sequence[EventView]) -> Iterator[str]:
    exit137 = event.exit137
    kills = [each.exit137.oom for each in (event, *related) if each.exit137.oom is not None]
    if event.time is None:
        yield "The exact time is not known."
    if event.type == EventType.OOM_KILL and event.data.container is None:
        yield "No container is known for the process that was killed."
    if exit137.memory is None or not exit137.memory.series.points:
        yield "Memory was not sampled before the event, so there is no curve."
    if kills and not any(kill.candidates for kill in kills):
        yield "No table of processes was seen, so the choice of the victim is not explained."
    if exit137.death is not None and exit137.death.exit_code is None:
        yield "The exit code is not known."
    if exit137.cause in _BY_SIGNAL and all(item.source != EvidenceSource.TRACE for item in exit137.evidence):
        yield "The trace source saw no signal, so the sender is not known."
    if exit137.logs_missing is not None:
        yield f"No log lines: {printable(exit137.logs_missing)}"
    yield from (_SHED.get(what, f"Skipped because the agent was behind: {printable(what)}.") for what in exit137.shed)
    for trimmed in exit137.trimmed:
        kept = f"{trimmed.kept} of {trimmed.of} {printable(trimmed.unit)} were kept"
        yield f"{printable(trimmed.field)} was cut because the event was too large: {kept}."

"""
The content of a report, in reading order. Rendering is in text.py and markdown.py.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from collector.explain.crash import crash_lines
from collector.explain.paragraph import paragraph
from sinks.event.fleet_views import CulpritView
from sinks.event.views import AdviceView, CandidateView, EventView, Exit137View, MemoryView
from sinks.text import Series, printable, printable_output, size

# The likeliest victims come first; the rest is in the event.
_CANDIDATES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """
    A line of the timeline.

    Attributes:
        time: RFC 3339; None if unknown.
        printed_time: the time as a pasted text prints it; None if `time` is known.
        source: the source that observed it, or `exit137` for an earlier event.
    """

    time: str | None
    source: str
    text: str
    printed_time: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """
    A piece of advice.

    Attributes:
        reason: why, and when it does not apply.
    """

    text: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """
    Everything that a person reads about one event.

    Attributes:
        headline: what happened, in a paragraph.
        series: the memory curve before the event; empty without samples.
        limit_bytes: the memory limit.
        memory: the memory figures in one line; None without any.
        timeline: what was observed, oldest first.
        crash: where a process crashed, and the calls that led to it.
        verdict: cause and confidence, and why this victim.
        advice: what to do.
        logs: the last lines of the container's log.
        logs_missing: why there are none.
    """

    headline: str
    series: Series
    limit_bytes: int | None
    memory: str | None
    timeline: tuple[TimelineEntry, ...]
    crash: tuple[str, ...]
    verdict: tuple[str, ...]
    advice: tuple[Step, ...]
    logs: tuple[str, ...]
    logs_missing: str | None

    @property
    def is_dated(self) -> bool:
        """
        True if the time of any entry is known; a pasted kernel log may have none.
        """
        return any(entry.time is not None for entry in self.timeline)


def report_of(event: EventView, related: Sequence[EventView] = ()) -> Report:
    """
    Build the report of an event.

    Args:
        event: what the report is about.
        related: other events of the same run: kills and warnings.
    """
    exit137 = event.exit137
    memory = exit137.memory or MemoryView()
    return Report(
        headline=paragraph(event),
        series=memory.series.points,
        limit_bytes=memory.limit_bytes,
        memory=", ".join(_figures(memory)) or None,
        timeline=tuple(_timeline(event, related)),
        crash=crash_lines(exit137.crash) if exit137.crash is not None else (),
        verdict=tuple(_verdict(exit137, related)),
        advice=tuple(map(_step, exit137.advice)),
        logs=tuple(map(printable_output, exit137.logs)),
        logs_missing=exit137.logs_missing,
    )


def _figures(memory: MemoryView) -> Iterator[str]:
    figures = {
        "limit": memory.limit_bytes,
        "peak": memory.peak_bytes,
        "last sample": memory.working_set_bytes,
        "swap": memory.swap_bytes,
    }
    for name, value in figures.items():
        if value:
            yield f"{name} {size(value)}"
    trend, confidence = memory.trend, memory.trend_confidence
    if trend not in (None, "", "unknown"):
        yield f"shape {trend} ({confidence})" if confidence else f"shape {trend}"
    growth = memory.growth_bytes_per_min
    if growth is not None and growth >= 1:
        yield f"growing by {size(int(growth))} per minute"


def _timeline(event: EventView, related: Sequence[EventView]) -> Iterator[TimelineEntry]:
    """
    Yield what was observed and which events came before, each once, sorted by time; entries without a time come first.
    """
    found: dict[tuple[str | None, str | None, str], TimelineEntry] = {}
    for entry in (*_run(event), *(entry for other in (*related, event) for entry in _observed(other))):
        found.setdefault((entry.time, entry.printed_time, entry.text), entry)
    yield from sorted(found.values(), key=lambda entry: entry.time or "")


def _run(event: EventView) -> Iterator[TimelineEntry]:
    death = event.exit137.death
    if death is not None and death.started_at is not None:
        yield TimelineEntry(time=death.started_at, source="docker", text="container started")
    if death is not None and death.finished_at is not None:
        yield TimelineEntry(time=death.finished_at, source="docker", text="container ended")


def _observed(event: EventView) -> Iterator[TimelineEntry]:
    if event.exit137.pressure is not None or event.exit137.stuck is not None:
        yield TimelineEntry(time=event.time, source="exit137", text=printable(event.data.message))
        return
    for item in event.exit137.evidence:
        printed = printable(item.printed_time) if item.time is None and item.printed_time is not None else None
        yield TimelineEntry(time=item.time, source=item.source, text=printable(item.text), printed_time=printed)


def _verdict(exit137: Exit137View, related: Iterable[EventView]) -> Iterator[str]:
    if exit137.cause is not None:
        yield f"{exit137.cause}, {exit137.confidence}"
    for culprit in _once(exit137.culprit, *(other.exit137.culprit for other in related)):
        which = "the container itself" if culprit.victim else "another container"
        yield f"Who took the memory: {printable(culprit.label)}, {which} ({culprit.confidence})"
    for oom in (exit137.oom, *(other.exit137.oom for other in related)):
        if oom is not None and oom.choice is not None:
            yield f"Why this victim: {printable(oom.choice)}"
            yield from map(_candidate, oom.candidates[:_CANDIDATES])


def _once(*culprits: CulpritView | None) -> Iterator[CulpritView]:
    """
    Yield each culprit once: a death repeats that of its kill.
    """
    yield from {culprit.container_id: culprit for culprit in culprits if culprit is not None}.values()


def _candidate(item: CandidateView) -> str:
    adjusted = f", oom_score_adj {item.oom_score_adj}" if item.oom_score_adj else ""
    return f"  {printable(item.name)} (pid {item.pid}): {size(item.rss_bytes) or '?'}{adjusted}"


def _step(item: AdviceView) -> Step:
    exception = f" {item.exception}" if item.exception is not None else ""
    return Step(text=printable(item.text), reason=printable(f"{item.reason}{exception}".strip()))

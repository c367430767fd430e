"""
The card of a message: one event in full, the last event of one group, or an overview of several groups.

Pure: the same events give the same card. The best evidence is chosen here; nothing is concluded anew.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from sinks.base import Outgoing
from sinks.chat.card import Card, Section, Tone
from sinks.chat.groups import Group, gathered, span_of, worst_first
from sinks.chat.titles import counted, host_of, is_recovery, title_of
from sinks.errors import PermanentError, Reason
from sinks.event.reader import UnreadableEventError, read_event
from sinks.event.views import AdviceView, EventView, EvidenceView, MemoryView
from sinks.event.words import Cause, Severity
from sinks.text import clock, duration, ordinal, printable_output, scale_top, size, sparkline

_LOG_LINES: Final = 10
_STEPS: Final = 3
_ROWS: Final = 15
# The best sources first; the last entry of the first of these that has one is shown.
_BEST_SOURCES: Final = ("trace", "kmsg", "journald", "process")
# Docker's own record is the best evidence of what Docker did.
_BY_DOCKER: Final = frozenset({Cause.DOCKER_KILL, Cause.DOCKER_STOP, Cause.DOCKER_STOP_TIMEOUT, Cause.DOCKER_RM})
# Names that a shell takes without quotes.
_SHELL_SAFE: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
# "2026-11-22T03:17:04", without the fraction and the zone.
_SECONDS: Final = len("2026-11-22T03:17:04")
_SHORT_ID: Final = 12


def card_of(message: Sequence[Outgoing]) -> Card:
    """
    Build the card of a message.

    Args:
        message: one event or more.

    Raises:
        PermanentError: one of them cannot be read.
    """
    groups = _groups(message)
    return _detail(groups[0]) if len(groups) == 1 else _overview(groups)


def _groups(message: Sequence[Outgoing]) -> list[Group]:
    return [
        Group(events=[_read(event) for event in events], times_in_last_day=events[-1].times_in_last_day)
        for events in gathered(message, lambda event: event.group or event.id)
    ]


def _read(event: Outgoing) -> EventView:
    try:
        return read_event(event.body)
    except UnreadableEventError as error:
        raise PermanentError(Reason.REJECTED, str(error)) from error


def _detail(group: Group) -> Card:
    last = group.last
    many = f", {len(group.events)} times" if len(group.events) > 1 else ""
    return Card(tone=_tone(last), title=title_of(last) + many, sections=tuple(_sections(group)), where=_where(last))


def _overview(groups: Sequence[Group]) -> Card:
    worst = worst_first(groups)
    rows = [f"• {_row(group)}" for group in worst[:_ROWS]]
    hosts = sorted({host_of(group.last) for group in groups})
    if rest := worst[_ROWS:]:
        rows.append(f"and {len(rest)} more groups with {sum(len(group.events) for group in rest)} events")
    return Card(
        tone=_tone(worst[0].last),
        title=f"{_counts(groups)} on {', '.join(hosts)}",
        sections=(Section(lines=tuple(rows), room=190),),
        where=f"{span_of([event for group in groups for event in group.events])} · exit137 explain --since 1h",
    )


def _row(group: Group) -> str:
    title = title_of(group.last)
    if len(group.events) > 1:
        title = f"{title}, {len(group.events)} times"
    before = (group.times_in_last_day or 0) - len(group.events)
    return f"{title}; {group.times_in_last_day} in 24 hours" if before > 0 else title


def _counts(groups: Sequence[Group]) -> str:
    counts: Counter[str] = Counter()
    for group in groups:
        counts[group.last.type] += len(group.events)
    return ", ".join(counted(event_type, number) for event_type, number in counts.most_common())


def _sections(group: Group) -> Iterator[Section]:
    last = group.last
    exit137 = last.exit137
    yield Section(lines=(printable_output(last.data.message).strip() or title_of(last),), room=600)
    if notes := tuple(_notes(group)):
        yield Section(lines=(" · ".join(notes),), room=150)
    if (best := _best_evidence(exit137.evidence, exit137.cause)) is not None:
        time = f", {clock(best.time)} UTC" if best.time is not None else ""
        yield Section(heading="Evidence", lines=(f"{best.source}{time}: {best.text}",), room=350, verbatim=True)
    if exit137.memory is not None and (curve := _curve(exit137.memory)):
        yield Section(heading="Memory", lines=curve, room=150, verbatim=True)
    if exit137.advice:
        yield Section(heading="Advice", lines=tuple(map(_step, exit137.advice[:_STEPS])), room=250)
    if any(printable_output(line).strip() for line in exit137.logs[-_LOG_LINES:]):
        yield Section(heading="Last log lines", lines=exit137.logs[-_LOG_LINES:], room=130, verbatim=True)
    elif exit137.logs_missing is not None:
        yield Section(lines=(f"No log lines: {exit137.logs_missing}",), room=200)


def _notes(group: Group) -> Iterator[str]:
    """
    Yield how often it happened, whether another container was the cause, and how often Docker restarted it.
    """
    exit137, many, day = group.last.exit137, len(group.events), group.times_in_last_day
    if many > 1:
        yield f"{many} times, {span_of(group.events)}"
        if (containers := len({event.subject for event in group.events})) > 1:
            yield f"in {containers} containers"
    if day is not None and not is_recovery(group.last):
        yield f"{ordinal(day)} time in 24 hours" if many == 1 else f"{day} times in 24 hours"
    culprit = exit137.culprit
    if culprit is not None and culprit.victim is False:
        yield f"not the cause: {printable_output(culprit.label)} took the memory ({culprit.confidence})"
    if exit137.death is not None and exit137.death.restart_count:
        yield f"restarted {exit137.death.restart_count} times before"


def _best_evidence(evidence: Sequence[EvidenceView], cause: str | None) -> EvidenceView | None:
    """
    Return the last entry of the best source, or all of Docker's entries in one line if Docker is the best source.
    """
    if cause in _BY_DOCKER and (seen := [item for item in evidence if item.source == "docker"]):
        return _joined(seen)
    for source in _BEST_SOURCES:
        if seen := [item for item in evidence if item.source == source]:
            return seen[-1]
    return _joined(evidence) if evidence else None


def _joined(evidence: Sequence[EvidenceView]) -> EvidenceView:
    return EvidenceView(
        source=evidence[0].source, time=evidence[0].time, text=", ".join(item.text for item in evidence)
    )


def _curve(memory: MemoryView) -> tuple[str, ...]:
    """
    Return the curve in one line, and its range, duration, limit and shape in a second.
    """
    limit = f", limit {size(memory.limit_bytes)}" if memory.limit_bytes is not None else ""
    series = memory.series.points
    values = [value for _, value in series]
    if len(values) < 2:  # noqa: PLR2004 (a curve needs two samples)
        return (f"peak {size(memory.peak_bytes)}{limit}",) if memory.peak_bytes is not None else ()
    peak = max(values)
    lasted = duration(series[-1][0] - series[0][0])
    return (
        sparkline(series, scale_top(peak, memory.limit_bytes)),
        f"{size(min(values))} to {size(peak)} in {lasted}{limit}{_trend(memory)}",
    )


def _trend(memory: MemoryView) -> str:
    if memory.trend in (None, "", "unknown"):
        return ""
    confidence = f" ({memory.trend_confidence})" if memory.trend_confidence is not None else ""
    return f", shape {memory.trend}{confidence}"


def _step(advice: AdviceView) -> str:
    return f"• {advice.text}" + (f" {advice.exception}" if advice.exception is not None else "")


def _tone(event: EventView) -> Tone:
    severity = event.data.event.severity
    if is_recovery(event):
        return Tone.GOOD
    if severity > Severity.WARNING:
        return Tone.BAD
    return Tone.WARNING if severity == Severity.WARNING else Tone.QUIET


def _where(event: EventView) -> str:
    container = event.data.container
    time = event.time.replace("T", " ")[:_SECONDS] + " UTC" if event.time is not None else None
    if container is None:
        return " · ".join(filter(None, (host_of(event), time)))
    short_id = (container.id or "")[:_SHORT_ID]
    name = container.name or ""
    command = f"exit137 explain {name if _SHELL_SAFE.fullmatch(name) else short_id}"
    return " · ".join(filter(None, (host_of(event), name, short_id, container.image.name, time, command)))

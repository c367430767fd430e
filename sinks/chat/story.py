"""
What one message tells: one event in full, one group with the last of its events, or an overview of several groups.

Pure: the same events give the same card. What proves an event is chosen here, nothing is concluded anew.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sinks.base import Outgoing
from sinks.chat.card import Card, Section, Tone
from sinks.chat.document import Advice, Document, Evidence, Memory, document_of
from sinks.chat.text import clock, duration, ordinal, size, sparkline, visible
from sinks.chat.titles import kind_of, title_of
from sinks.event.words import Cause, Severity

_LOG_LINES: Final = 10
_STEPS: Final = 3
_ROWS: Final = 15
# Who says best why something died; the last word of the first of these that has spoken is the proof.
_WITNESSES: Final = ("trace", "kmsg", "journald", "process")
_BY_DOCKER: Final = frozenset({Cause.DOCKER_KILL, Cause.DOCKER_STOP, Cause.DOCKER_STOP_TIMEOUT, Cause.DOCKER_RM})
# What can be typed behind a command without quotes.
_TYPEABLE: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
# A limit that is further above the curve than this would press it flat.
_SHOWN_LIMIT: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """
    Events that are told together.

    Attributes:
        documents: one or more, in their order.
        times_in_last_day: how many there have been, those told before included; None: not known.
    """

    documents: Sequence[Document]
    times_in_last_day: int | None

    @property
    def last(self) -> Document:
        """
        The last of them, which speaks for all.
        """
        return self.documents[-1]


def card_of(message: Sequence[Outgoing]) -> Card:
    """
    The card of a message.

    Args:
        message: one event or more.

    Raises:
        PermanentError: one of them is no event of ours.
    """
    groups = _groups(message)
    return _detail(groups[0]) if len(groups) == 1 else _overview(groups)


def _groups(message: Sequence[Outgoing]) -> list[Group]:
    found: dict[str, list[Outgoing]] = {}
    for event in message:
        found.setdefault(event.group or event.id, []).append(event)
    return [
        Group(documents=[document_of(event) for event in events], times_in_last_day=events[-1].times_in_last_day)
        for events in found.values()
    ]


def _detail(group: Group) -> Card:
    last = group.last
    many = f", {len(group.documents)} times" if len(group.documents) > 1 else ""
    return Card(tone=_tone(last), title=title_of(last) + many, sections=tuple(_sections(group)), where=_where(last))


def _overview(groups: Sequence[Group]) -> Card:
    worst = sorted(groups, key=lambda group: (-group.last.data.event.severity, -len(group.documents)))
    rows = [f"• {_row(group)}" for group in worst[:_ROWS]]
    hosts = sorted({group.last.host for group in groups})
    if rest := worst[_ROWS:]:
        rows.append(f"and {len(rest)} more with {sum(len(group.documents) for group in rest)} events")
    return Card(
        tone=_tone(worst[0].last),
        title=f"{_kinds(groups)} on {', '.join(hosts)}",
        sections=(Section(lines=tuple(rows), room=190),),
        where=f"{_span([document for group in groups for document in group.documents])} · exit137 explain --since 1h",
    )


def _row(group: Group) -> str:
    title = title_of(group.last)
    if len(group.documents) > 1:
        title = f"{title}, {len(group.documents)} times"
    before = (group.times_in_last_day or 0) - len(group.documents)
    return f"{title}; {group.times_in_last_day} in 24 hours" if before > 0 else title


def _kinds(groups: Sequence[Group]) -> str:
    counts: Counter[str] = Counter()
    for group in groups:
        counts[group.last.type] += len(group.documents)
    return ", ".join(kind_of(type_, number) for type_, number in counts.most_common())


def _sections(group: Group) -> Iterator[Section]:
    last = group.last
    ours = last.data.exit137
    yield Section(lines=(visible(last.data.message) or title_of(last),), room=600)
    if notes := tuple(_notes(group)):
        yield Section(lines=(" · ".join(notes),), room=150)
    if (proof := _proof(ours.evidence, ours.cause)) is not None:
        time = f", {clock(proof.time)} UTC" if proof.time is not None else ""
        yield Section(heading="Proof", lines=(f"{proof.source}{time}: {proof.text}",), room=350, verbatim=True)
    if ours.memory is not None and (curve := _curve(ours.memory)):
        yield Section(heading="Memory", lines=curve, room=150, verbatim=True)
    if ours.advice:
        yield Section(heading="What to do", lines=tuple(map(_step, ours.advice[:_STEPS])), room=250)
    if any(map(visible, ours.logs[-_LOG_LINES:])):
        yield Section(heading="Last lines", lines=ours.logs[-_LOG_LINES:], room=130, verbatim=True)
    elif ours.logs_missing is not None:
        yield Section(lines=(f"No last lines: {ours.logs_missing}",), room=200)


def _notes(group: Group) -> Iterator[str]:
    """
    How often, and what Docker did about it.
    """
    ours, many, day = group.last.data.exit137, len(group.documents), group.times_in_last_day
    if many > 1:
        yield f"{many} times, {_span(group.documents)}"
        if (containers := len({document.subject for document in group.documents})) > 1:
            yield f"in {containers} containers"
    if day is not None and not group.last.over:
        yield f"{ordinal(day)} time in 24 hours" if many == 1 else f"{day} times in 24 hours"
    if ours.death is not None and ours.death.restart_count:
        yield f"restarted {ours.death.restart_count} times before"


def _span(documents: Sequence[Document]) -> str:
    times = sorted(document.time for document in documents if document.time is not None)
    if not times:
        return "at times that are not known"
    first, last = clock(times[0]), clock(times[-1])
    return f"at {first} UTC" if first == last else f"from {first} to {last} UTC"


def _proof(evidence: Sequence[Evidence], cause: str | None) -> Evidence | None:
    """
    One line: the best witness's last word, or the whole course of things where only Docker saw it.
    """
    if cause in _BY_DOCKER and (seen := [item for item in evidence if item.source == "docker"]):
        return _joined(seen)
    for source in _WITNESSES:
        if seen := [item for item in evidence if item.source == source]:
            return seen[-1]
    return _joined(evidence) if evidence else None


def _joined(evidence: Sequence[Evidence]) -> Evidence:
    return Evidence(source=evidence[0].source, time=evidence[0].time, text=", ".join(item.text for item in evidence))


def _curve(memory: Memory) -> tuple[str, ...]:
    """
    The curve in a line, and in a second what it goes from and to.
    """
    limit = f", limit {size(memory.limit_bytes)}" if memory.limit_bytes is not None else ""
    values = [value for _, value in memory.series]
    if len(values) < 2:  # noqa: PLR2004 (one sample is no curve)
        return (f"peak {size(memory.peak_bytes)}{limit}",) if memory.peak_bytes is not None else ()
    peak = max(values)
    near = memory.limit_bytes is not None and peak <= memory.limit_bytes <= _SHOWN_LIMIT * peak
    top = memory.limit_bytes if near and memory.limit_bytes is not None else peak
    lasted = duration(memory.series[-1][0] - memory.series[0][0])
    return (
        sparkline(memory.series, top),
        f"{size(min(values))} to {size(peak)} in {lasted}{limit}{_trend(memory)}",
    )


def _trend(memory: Memory) -> str:
    if memory.trend in (None, "unknown"):
        return ""
    sure = f" ({memory.trend_confidence})" if memory.trend_confidence is not None else ""
    return f", shape {memory.trend}{sure}"


def _step(advice: Advice) -> str:
    return f"• {advice.text}" + (f" Not where {advice.unless}." if advice.unless is not None else "")


def _tone(document: Document) -> Tone:
    severity = document.data.event.severity
    if document.over:
        return Tone.GOOD
    if severity > Severity.WARNING:
        return Tone.BAD
    return Tone.WARNING if severity == Severity.WARNING else Tone.QUIET


def _where(document: Document) -> str:
    container = document.data.container
    time = document.time.replace("T", " ")[:19] + " UTC" if document.time is not None else None
    if container is None:
        return " · ".join(filter(None, (document.host, time)))
    short_id = (container.id or "")[:12]
    name = container.name or ""
    command = f"exit137 explain {name if _TYPEABLE.fullmatch(name) else short_id}"
    return " · ".join(filter(None, (document.host, name, short_id, container.image.name, time, command)))

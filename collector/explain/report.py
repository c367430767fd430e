"""
All that is to be told of one event, in the order in which it is read; how it is set is another's business.

Reads published documents, stored by whatever version: what is missing is left out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from collector.correlate.wording import shown, size
from collector.explain.chart import Series
from collector.explain.paragraph import paragraph
from parsers.untyped import fields_of, int_of, text_of

_CANDIDATES: Final = 5

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """
    A line of the timeline.

    Attributes:
        time: RFC 3339; None where it is not known.
        source: who saw it.
    """

    time: str | None
    source: str
    text: str


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
    One event, told.

    Attributes:
        headline: what happened, in a paragraph.
        series: the memory before; empty where nobody looked.
        limit_bytes: of the memory.
        memory: the figures of the memory, in a line; None without memory.
        timeline: what was seen, oldest first.
        verdict: cause and confidence, and what they rest on.
        advice: what to do.
        logs: the last lines of the container.
        logs_missing: why there are none.
    """

    headline: str
    series: Series
    limit_bytes: int | None
    memory: str | None
    timeline: tuple[Moment, ...]
    verdict: tuple[str, ...]
    advice: tuple[Step, ...]
    logs: tuple[str, ...]
    logs_missing: str | None

    @property
    def is_dated(self) -> bool:
        """
        Whether anything is known of when it was seen; a pasted log may not tell.
        """
        return any(moment.time is not None for moment in self.timeline)


def report_of(document: Document, related: Sequence[Document] = ()) -> Report:
    """
    What is to be told of an event.

    Args:
        document: a structured CloudEvent of ours.
        related: others of the same run: kills, warnings.
    """
    ours = fields_of(fields_of(document.get("data")).get("exit137"))
    memory = fields_of(ours.get("memory"))
    return Report(
        headline=paragraph(document),
        series=_series(memory.get("series")),
        limit_bytes=int_of(memory.get("limit_bytes")),
        memory=", ".join(_figures(memory)) or None,
        timeline=tuple(_timeline(document, related)),
        verdict=tuple(_verdict(ours, related)),
        advice=tuple(map(_step, _list(ours.get("advice")))),
        logs=tuple(shown(str(line)) for line in ours.get("logs") or ()),
        logs_missing=text_of(ours.get("logs_missing")),
    )


def _series(value: object) -> Series:
    pairs = value if isinstance(value, list) else []
    return [(float(pair[0]), int(pair[1])) for pair in pairs if isinstance(pair, list) and len(pair) == 2]  # noqa: PLR2004


def _figures(memory: Document) -> Iterator[str]:
    names = {
        "limit_bytes": "limit",
        "peak_bytes": "peak",
        "working_set_bytes": "last seen",
        "swap_bytes": "swapped out",
    }
    for key, name in names.items():
        value = int_of(memory.get(key))
        if value:
            yield f"{name} {size(value)}"
    trend, confidence = text_of(memory.get("trend")), text_of(memory.get("trend_confidence"))
    if trend not in (None, "unknown"):
        yield f"shape {trend} ({confidence})" if confidence else f"shape {trend}"
    growth = memory.get("growth_bytes_per_min")
    if isinstance(growth, int | float) and growth >= 1:
        yield f"growing by {size(int(growth))} a minute"


def _timeline(document: Document, related: Sequence[Document]) -> Iterator[Moment]:
    """
    What was seen of it, and what was told before; what has no time comes first.
    """
    found: dict[tuple[str | None, str], Moment] = {}
    for moment in (*_run(document), *(one for other in (*related, document) for one in _seen(other))):
        found.setdefault((moment.time, moment.text), moment)
    yield from sorted(found.values(), key=lambda moment: moment.time or "")


def _run(document: Document) -> Iterator[Moment]:
    death = fields_of(fields_of(fields_of(document.get("data")).get("exit137")).get("death"))
    for key, text in (("started_at", "the run began"), ("finished_at", "the run ended")):
        if (time := text_of(death.get(key))) is not None:
            yield Moment(time=time, source="docker", text=text)


def _seen(document: Document) -> Iterator[Moment]:
    data = fields_of(document.get("data"))
    ours = fields_of(data.get("exit137"))
    if "pressure" in ours or "stuck" in ours:
        yield Moment(time=text_of(document.get("time")), source="exit137", text=shown(str(data.get("message"))))
        return
    for item in _list(ours.get("evidence")):
        text, source = shown(str(item.get("text"))), str(item.get("source"))
        yield Moment(time=text_of(item.get("time")), source=source, text=text)


def _verdict(ours: Document, related: Iterable[Document]) -> Iterator[str]:
    cause, confidence = text_of(ours.get("cause")), text_of(ours.get("confidence"))
    if cause is not None:
        yield f"{cause}, {confidence}"
    ooms = [fields_of(ours.get("oom"))]
    ooms += [fields_of(fields_of(fields_of(other.get("data")).get("exit137")).get("oom")) for other in related]
    for oom in ooms:
        if (choice := text_of(oom.get("choice"))) is not None:
            yield f"The choice of the victim: {shown(choice)}"
            yield from map(_candidate, _list(oom.get("candidates"))[:_CANDIDATES])


def _candidate(item: Document) -> str:
    adjust = int_of(item.get("oom_score_adj"))
    adjusted = f", oom_score_adj {adjust}" if adjust else ""
    return f"  {shown(str(item.get('name')))} (pid {item.get('pid')}): {size(int_of(item.get('rss_bytes')))}{adjusted}"


def _step(item: Document) -> Step:
    unless = text_of(item.get("unless"))
    reason = str(item.get("reason") or "")
    return Step(
        text=shown(str(item.get("text"))),
        reason=shown(f"{reason} Not where {unless}." if unless is not None else reason),
    )


def _list(value: object) -> list[Document]:
    return [fields_of(item) for item in value] if isinstance(value, list) else []

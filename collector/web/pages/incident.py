"""
The content of one incident, for its page and for a file: the report, the curve and the choice of the victim.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from collector.explain.markdown import as_markdown
from collector.explain.report import Report, report_of
from collector.explain.unseen import unseen
from collector.web.pages.causes import Look, look_of
from collector.web.pages.curve import Drawing, Kind, Moment, drawing_of
from sinks.chat.titles import host_of, title_of
from sinks.event.reader import time_ns
from sinks.event.views import CandidateView, EventView, OomView, VictimView
from sinks.event.words import Confidence, EventType
from sinks.text import duration

_NS_PER_S: Final = 1_000_000_000
# Two drawings, so that the text in them is readable on a desk and on a phone.
_WIDE: Final = (860, 280)
_NARROW: Final = (360, 240)
_CONFIDENCE: Final[Mapping[str, str]] = {
    Confidence.CERTAIN: "The evidence says so.",
    Confidence.LIKELY: "The evidence leaves one good explanation.",
    Confidence.POSSIBLE: "The evidence leaves several explanations.",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """
    A process that could have been chosen.

    Attributes:
        percent: its resident memory, compared with that of the largest candidate.
        killed: whether it was chosen.
    """

    process: CandidateView
    percent: int
    killed: bool


@dataclass(frozen=True, slots=True)
class Kill:
    """
    Who was killed, and why that one.
    """

    oom: OomView
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """
    Everything that the page of one event shows.

    Attributes:
        curves: the memory curve for wide and for narrow screens, with the class of each; empty without samples.
        markdown: the report for a ticket.
        raw: the event as indented JSON, line by line.
    """

    event: EventView
    title: str
    look: Look
    report: Report
    facts: tuple[tuple[str, str], ...]
    curves: tuple[tuple[str, Drawing], ...]
    moments: tuple[Moment, ...]
    kills: tuple[Kill, ...]
    confidence: str
    unseen: tuple[str, ...]
    markdown: tuple[str, ...]
    raw: tuple[str, ...]


def incident_of(body: bytes, event: EventView, related: Sequence[EventView] = ()) -> Incident:
    """
    Build the content of a page.

    Args:
        body: the event as stored, valid JSON.
        event: the same event, read.
        related: other events of the same run: kills and warnings.
    """
    report = report_of(event, related)
    moments = tuple(_moments(event, related))
    return Incident(
        event=event,
        title=title_of(event),
        look=look_of(event),
        report=report,
        facts=tuple(_facts(event)),
        curves=tuple(_curves(report, moments)),
        moments=moments,
        kills=tuple(_kills(event, related)),
        confidence=_CONFIDENCE.get(event.exit137.confidence or "", ""),
        unseen=unseen(event, related),
        markdown=tuple(as_markdown(report).split("\n")),
        raw=tuple(msgspec.json.format(body, indent=2).decode("utf-8", "replace").split("\n")),
    )


def _facts(event: EventView) -> Iterator[tuple[str, str]]:
    """
    Yield what is known about the container, as label and value.
    """
    data, death = event.data, event.exit137.death
    container = data.container
    known = {
        "Container": container.name if container is not None else None,
        "Service": data.service.name,
        "Version": data.service.version,
        "Image": container.image.name if container is not None else None,
        "Host": host_of(event),
        "Memory taken by": _culprit(event),
        "Exit code": str(death.exit_code) if death is not None and death.exit_code is not None else None,
        "Ran for": _ran_for(event),
        "Restarts before": str(death.restart_count) if death is not None and death.restart_count else None,
        "Id": container.id if container is not None else None,
    }
    yield from ((label, value) for label, value in known.items() if value)


def _culprit(event: EventView) -> str | None:
    """
    Return who took the memory, and whether that was the victim.
    """
    culprit = event.exit137.culprit
    if culprit is None:
        return None
    innocent = "" if culprit.victim else "; the victim was not the cause"
    return f"{culprit.label} ({culprit.confidence}){innocent}"


def _ran_for(event: EventView) -> str | None:
    death = event.exit137.death
    if death is None:
        return None
    started_ns, finished_ns = time_ns(death.started_at), time_ns(death.finished_at)
    if started_ns is None or finished_ns is None or finished_ns < started_ns:
        return None
    return duration((finished_ns - started_ns) / _NS_PER_S)


def _moments(event: EventView, related: Sequence[EventView]) -> Iterator[Moment]:
    """
    Yield what is marked on the curve: warnings, kills and the end, oldest first.
    """
    end_ns = time_ns(event.time)
    if end_ns is None:
        return
    for other in sorted((*related, event), key=lambda each: each.time or ""):
        at_ns = time_ns(other.time)
        if at_ns is not None:
            kind = _kind(other)
            text = other.data.message if other is not event or kind is not Kind.END else "the container ended"
            yield Moment(at_s=(at_ns - end_ns) / _NS_PER_S, kind=kind, text=text)


def _kind(event: EventView) -> Kind:
    if event.type == EventType.OOM_KILL:
        return Kind.KILL
    return Kind.END if event.type == EventType.CONTAINER_DEATH else Kind.WARNING


def _curves(report: Report, moments: Sequence[Moment]) -> Iterator[tuple[str, Drawing]]:
    for name, (width, height) in (("wide", _WIDE), ("narrow", _NARROW)):
        drawn = drawing_of(report.series, report.limit_bytes, moments, width=width, height=height)
        if drawn is not None:
            yield name, drawn


def _kills(event: EventView, related: Sequence[EventView]) -> Iterator[Kill]:
    """
    Yield each kill once: a death repeats the kill that ended it.
    """
    seen: set[tuple[int | None, ...]] = set()
    kills = [each.exit137.oom for each in (event, *related) if each.exit137.oom is not None]
    for oom in sorted(kills, key=lambda kill: not kill.candidates):
        pids = tuple(victim.pid for victim in oom.victims)
        if pids not in seen:
            seen.add(pids)
            yield Kill(oom, tuple(_bars(oom.candidates, oom.victims)))


def _bars(candidates: Sequence[CandidateView], victims: Sequence[VictimView]) -> Iterator[Bar]:
    killed = {victim.pid for victim in victims}
    largest = max((item.rss_bytes or 0 for item in candidates), default=0)
    for item in candidates:
        percent = round(100 * max(0, item.rss_bytes or 0) / largest) if largest > 0 else 0
        yield Bar(item, percent, item.pid in killed)

"""
A report in a terminal.
"""

import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

from collector.explain.chart import chart
from collector.explain.report import Report, TimelineEntry

_SECTION: Final = "  "
_TIME: Final = len("03:17:04.118")


def as_text(report: Report, width: int) -> str:
    """
    Render a report in lines of at most `width` columns; longer words and log lines are not broken.
    """
    lines = textwrap.wrap(report.headline, width, break_long_words=False, break_on_hyphens=False)
    for title, body in _sections(report, width):
        content = list(body)
        if content:
            lines += ["", title, *content]
    return "\n".join(lines)


def _sections(report: Report, width: int) -> Iterator[tuple[str, Iterable[str]]]:
    yield "Memory", _memory(report, width)
    title = "Timeline (UTC)" if report.is_dated else "Evidence"
    clock = max((len(_clock(entry)) for entry in report.timeline), default=0)
    if report.is_dated:
        clock = max(clock, _TIME)
    yield title, (line for entry in report.timeline for line in _entry(entry, width, clock))
    yield "Crash", (line for text in report.crash for line in _crash(text, width))
    yield "Verdict", (line for text in report.verdict for line in _wrapped(text, width, _SECTION))
    yield "Advice", _advice(report, width)
    yield "Last log lines", [f"{_SECTION}{line}" for line in report.logs or [report.logs_missing or ""] if line]


def _memory(report: Report, width: int) -> Iterator[str]:
    yield from chart(report.series, report.limit_bytes, width)
    if report.memory is not None:
        yield from _wrapped(report.memory, width, _SECTION)


def _crash(text: str, width: int) -> list[str]:
    """
    Return a line about a crash; one of a call is not broken.
    """
    return [f"{_SECTION}{text}"] if text.startswith(" ") else _wrapped(text, width, _SECTION)


def _clock(entry: TimelineEntry) -> str:
    return entry.time[11:23].removesuffix("Z") if entry.time is not None else entry.printed_time or ""


def _entry(entry: TimelineEntry, width: int, clock: int) -> list[str]:
    head = f"{_SECTION}{_clock(entry):{clock}}  {entry.source:<9}" if clock else f"{_SECTION}{entry.source:<9}"
    return _wrapped(entry.text, width, head, " " * len(head))


def _advice(report: Report, width: int) -> Iterator[str]:
    for step in report.advice:
        yield from _wrapped(step.text, width, f"{_SECTION}• ", f"{_SECTION}  ")
        yield from _wrapped(step.reason, width, f"{_SECTION}  ")


def _wrapped(text: str, width: int, first: str, others: str | None = None) -> list[str]:
    indent = first if others is None else others
    return textwrap.wrap(
        text,
        max(width, len(indent) + 20),
        initial_indent=first + text[: len(text) - len(text.lstrip())],
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )

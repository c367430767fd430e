"""
A report as Markdown: for a ticket, or a message to colleagues.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from collector.explain.chart import chart
from collector.explain.report import Report

_WIDTH: Final = 80
_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>|#~])")


def as_markdown(report: Report) -> str:
    """
    The report in Markdown that GitHub, GitLab and most others set alike.
    """
    blocks = [_plain(report.headline)]
    for title, body in _sections(report):
        content = "\n".join(body)
        if content:
            blocks += [f"### {title}", content]
    return "\n\n".join(blocks)


def _sections(report: Report) -> Iterator[tuple[str, Iterable[str]]]:
    yield "Memory", _memory(report)
    yield ("Timeline", _timeline(report)) if report.is_dated else ("Evidence", _evidence(report))
    yield "Verdict", [f"- {_plain(text.strip())}" for text in report.verdict]
    yield "Advice", [f"- **{_plain(step.text)}** {_plain(step.reason)}" for step in report.advice]
    yield "Last words", _fenced(report.logs) if report.logs else [_plain(report.logs_missing or "")]


def _memory(report: Report) -> Iterator[str]:
    drawn = chart(report.series, report.limit_bytes, _WIDTH)
    if drawn:
        yield from _fenced(drawn)
        yield ""
    if report.memory is not None:
        yield _plain(report.memory)


def _timeline(report: Report) -> list[str]:
    rows = [f"| {moment.time or ''} | {moment.source} | {_code(moment.text)} |" for moment in report.timeline]
    return ["| time | source | |", "| --- | --- | --- |", *rows]


def _evidence(report: Report) -> list[str]:
    return [f"- {moment.source}: {_code(moment.text)}" for moment in report.timeline]


def _fenced(lines: Iterable[str]) -> list[str]:
    """
    A block of code, with a fence that is longer than any in it.
    """
    content = list(lines)
    longest = max((len(run) for line in content for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", *content, fence]


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _code(text: str) -> str:
    """
    A cell of a table: no bar and no backtick of the text's own ends it.
    """
    return f"`{text.replace('`', chr(0x2019)).replace('|', chr(0xA6))}`"

"""
A report as Markdown, for a ticket or a message to colleagues.
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
    Render a report in the Markdown that GitHub, GitLab and most other tools understand.
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
    yield "Crash", _fenced(report.crash) if report.crash else []
    yield "Verdict", [f"- {_plain(text.strip())}" for text in report.verdict]
    yield "Advice", [f"- **{_plain(step.text)}** {_plain(step.reason)}" for step in report.advice]
    yield "Last log lines", _fenced(report.logs) if report.logs else [_plain(report.logs_missing or "")]


def _memory(report: Report) -> Iterator[str]:
    drawn = chart(report.series, report.limit_bytes, _WIDTH)
    if drawn:
        yield from _fenced(drawn)
        yield ""
    if report.memory is not None:
        yield _plain(report.memory)


def _timeline(report: Report) -> list[str]:
    rows = [
        f"| {entry.time or entry.printed_time or ''} | {entry.source} | {_code(entry.text)} |"
        for entry in report.timeline
    ]
    return ["| time | source | |", "| --- | --- | --- |", *rows]


def _evidence(report: Report) -> list[str]:
    return [f"- {entry.source}: {_code(entry.text)}" for entry in report.timeline]


def _fenced(lines: Iterable[str]) -> list[str]:
    """
    Return a code block whose fence is longer than any run of backticks inside it.
    """
    content = list(lines)
    longest = max((len(run) for line in content for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", *content, fence]


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _code(text: str) -> str:
    """
    Return a text as code in a table cell; bars and backticks are replaced, because they would end the cell.
    """
    return f"`{text.replace('`', chr(0x2019)).replace('|', chr(0xA6))}`"

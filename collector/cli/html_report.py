"""
`exit137 explain --html`: writes incidents into one HTML file.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import click

from collector.cli.common import fail
from collector.cli.messages import notice
from collector.web.pages.incident import incident_of
from collector.web.pages.incident_file import html_file
from collector.web.pages.templating import environment
from sinks.event.reader import read_event, read_events

# A larger file is slow to open; the newest incidents matter most.
_MOST_INCIDENTS: Final = 50
_STANDARD_OUTPUT: Final = Path("-")


def write_html(answers: Iterable[tuple[bytes, Sequence[bytes]]], path: Path) -> None:
    """
    Write incidents, newest first; an error ends the command.

    Args:
        answers: the body of each event with those of its related events, oldest first.
        path: the file, which is replaced; `-` is standard output.
    """
    total, newest = 0, deque[tuple[bytes, Sequence[bytes]]](maxlen=_MOST_INCIDENTS)
    for total, answer in enumerate(answers, 1):  # noqa: B007 (the last number is the count)
        newest.append(answer)
    if not newest:
        return
    incidents = [incident_of(body, read_event(body), read_events(others)) for body, others in reversed(newest)]
    page = html_file(environment(), incidents, left_out=total - len(incidents))
    if path == _STANDARD_OUTPUT:
        click.echo(page)
        return
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        fail(f"cannot write {path}: {error.strerror}")
    notice(f"wrote {path}")

"""
`exit137 explain`: what happened, from the store, from this host as it is, or from a text of any machine.
"""

import shutil
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Final

import click
import orjson

from collector.cli.common import MISUSED, config_option, configuration, fail, hinted, is_missing, write_event
from collector.config import Config
from collector.explain.choice import Past, Remembered, asked_for, beside
from collector.explain.host import past_of_host
from collector.explain.markdown import as_markdown
from collector.explain.moment import MomentError, moment_ns
from collector.explain.pasted import events_of
from collector.explain.report import report_of
from collector.explain.text import as_text
from collector.hostclock import identify
from collector.store import History, StoreError, StoreUnavailableError
from sinks.event import to_json

_STANDARD_INPUT: Final = Path("-")
_WIDTH: Final = (100, 24)
_WIDEST: Final = 120


@click.command("explain")
@click.argument("container", required=False)
@click.option("--file", "file", type=click.Path(path_type=Path), help="Kernel log of any machine; - is standard input.")
@click.option("--since", metavar="T", help="All since then: 30m, 2h, 1d, 2026-11-22T03:17.")
@click.option("--json", "as_json", is_flag=True, help="Events, one CloudEvent a line, instead of text.")
@click.option("--markdown", "markdown", is_flag=True, help="Markdown, for a ticket.")
@config_option
def command(
    *,
    container: str | None,
    file: Path | None,
    since: str | None,
    as_json: bool,
    markdown: bool,
    config_path: Path | None,
) -> None:
    """
    Say why CONTAINER died, or what happened since T; without either, the last death.

    Where exit137 has not been running, the journal and Docker are asked instead of its store. With --file the kills
    that a pasted kernel log tells of.
    """
    if as_json and markdown:
        fail("--json and --markdown are two forms: choose one", MISUSED)
    form = "json" if as_json else "markdown" if markdown else None
    if file is not None and (container is not None or since is not None):
        fail("--file stands alone: a text has no store to look a container or a time up in", MISUSED)
    if file is not None:
        _tell([(body, []) for body in _of_file(file)], form)
        return
    config = configuration(config_path)
    since_ns = _moment_ns(since)
    with closing(_Opened(config)) as opened:
        _tell(_answers(opened.past, container, since_ns), form)


class _Opened:
    """
    The past of this host: the store, or where there is none, what the host still tells.
    """

    def __init__(self, config: Config) -> None:
        self.close: Callable[[], None] = lambda: None
        try:
            store = History(config.store_path)
        except StoreError as error:
            self.past: Past = _of_host(config, error)
        else:
            self.past, self.close = store, store.close


def _of_host(config: Config, why: StoreError) -> Remembered:
    identity = identify(machine_id=config.host.id, hostname=config.host.hostname)
    host = past_of_host(config.sources.journald, config.sources.docker, identity, time.time_ns())
    if not host.read:
        fail("; ".join([*host.refused, hinted(why)]))
    missing = f" ({'; '.join(host.refused)})" if host.refused else ""
    told = "there is no store" if is_missing(why) else str(why)
    click.echo(f"exit137: {told}; asked {' and '.join(host.read)} instead{missing}", err=True)
    return Remembered(host.events)


def _answers(past: Past, container: str | None, since_ns: int | None) -> list[tuple[bytes, list[bytes]]]:
    """
    The events that are asked for, each with those beside it.
    """
    try:
        found = asked_for(past, container, since_ns)
        answers = [(event.body, [other.body for other in beside(past, orjson.loads(event.body))]) for event in found]
    except StoreUnavailableError as error:
        fail(str(error))
    if not answers:
        whose = f" of {container!r}" if container is not None else ""
        fail(f"nothing is known of a death{whose}")
    return answers


def _tell(answers: Iterable[tuple[bytes, list[bytes]]], form: str | None) -> None:
    width = min(_WIDEST, shutil.get_terminal_size(_WIDTH).columns)
    for number, (body, others) in enumerate(answers):
        if form == "json":
            write_event(body)
            continue
        report = report_of(orjson.loads(body), [orjson.loads(other) for other in others])
        text = as_markdown(report) if form == "markdown" else as_text(report, width)
        click.echo(("\n" if number else "") + text)


def _of_file(file: Path) -> list[bytes]:
    try:
        text = sys.stdin.buffer.read() if file == _STANDARD_INPUT else file.read_bytes()
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}", MISUSED)
    events = events_of(text)
    if not events:
        click.echo(f"exit137: no OOM kill in {len(text.splitlines())} lines", err=True)
    return [to_json(event) for event in events]


def _moment_ns(since: str | None) -> int | None:
    try:
        return moment_ns(since, time.time_ns()) if since is not None else None
    except MomentError as error:
        fail(str(error), MISUSED)

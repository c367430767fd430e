"""
`exit137 explain`: says why a container died, from the store, from this host's logs, or from a pasted kernel log.
"""

import importlib
import os
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import click

from collector.cli.arguments import FILE, TEXT
from collector.cli.common import (
    MISUSED,
    config_option,
    configuration,
    fail,
    hinted,
    is_missing,
    write_event,
)
from collector.cli.messages import notice
from collector.cli.unread_text import PassingText, answer_without_events
from collector.config.sections import Config
from collector.explain.markdown import as_markdown
from collector.explain.overview import MANY, as_lines, overview_of
from collector.explain.query import InMemoryHistory, Past, related_events, requested_events
from collector.explain.report import report_of
from collector.explain.text import as_text
from collector.explain.time_argument import TimeArgumentError, parse_time
from collector.host.clock import identify
from collector.recordings.host_past import past_of_host
from collector.recordings.pasted import events_in
from collector.recordings.replay import RecordingError, load, play
from collector.recordings.unpack import UnreadableFileError, chunks
from collector.store import History, StoreError
from sinks.event import to_json
from sinks.event.reader import UnreadableEventError, read_event, read_events

_STANDARD_INPUT: Final = Path("-")
_PROGRESS_BYTES_AT_LEAST: Final = 16 * 1024 * 1024
_WIDTH: Final = (100, 24)
_WIDEST: Final = 120


@click.command("explain")
@click.argument("container", required=False, type=TEXT)
@click.option(
    "--file",
    "file",
    type=FILE,
    help="Read a kernel log of any machine from a file, or a recording from a folder; - is standard input.",
)
@click.option("--since", metavar="T", help="Explain everything since T: 30m, 2h, 1d or 2026-11-22T03:17.")
@click.option("--full", is_flag=True, help="With --since, print every report also if there are more than five.")
@click.option("--json", "as_json", is_flag=True, help="Print the events, one CloudEvent per line.")
@click.option("--markdown", "markdown", is_flag=True, help="Print Markdown, for a ticket.")
@click.option("--html", "html", type=FILE, metavar="PAGE", help="Write one self-contained HTML file; - prints it.")
@config_option
def command(
    *,
    container: str | None,
    file: Path | None,
    since: str | None,
    full: bool,
    as_json: bool,
    markdown: bool,
    html: Path | None,
    config_path: Path | None,
) -> None:
    """
    Say why CONTAINER died, or what happened since T; without either, explain the last death.

    If there is no store because the agent has not run on this host, the journal and Docker are read instead. With
    --file, explain the OOM kills in a kernel log of any machine, or a container's death in a recording. More than five
    reports begin with an overview, and --full prints them after it.
    """
    if as_json + markdown + (html is not None) > 1:
        fail("--json, --markdown and --html are mutually exclusive", MISUSED)
    form = html or ("json" if as_json else "markdown" if markdown else None)
    is_recording = file is not None and file.is_dir()
    if file is not None and not is_recording and (container is not None or since is not None):
        fail("--file cannot be combined with CONTAINER or --since, except for a recording", MISUSED)
    since_ns = _since_ns(since)
    if file is not None and is_recording:
        _print_answers(_answers(_past_of_recording(file), container, since_ns), form, full=full)
    elif file is not None:
        _print(((body, []) for body in _events_of_file(file)), form)
    else:
        with closing(_OpenPast(configuration(config_path))) as opened:
            _print_answers(_answers(opened.past, container, since_ns), form, full=full)


class _OpenPast:
    """
    The past of this host: the store or, if there is none, what the journal and Docker still know.
    """

    def __init__(self, config: Config) -> None:
        self.close: Callable[[], None] = lambda: None
        try:
            store = History(config.store_path)
        except StoreError as error:
            self.past: Past = _past_of_host(config, error)
        else:
            self.past, self.close = store, store.close


def _past_of_host(config: Config, why: StoreError) -> InMemoryHistory:
    identity = identify(machine_id=config.host.id, hostname=config.host.hostname)
    host = past_of_host(config.sources.journald, config.sources.docker, identity, time.time_ns())
    if not host.read:
        fail("; ".join([*host.refused, hinted(why)]))
    missing = f" ({'; '.join(host.refused)})" if host.refused else ""
    reason = "there is no store" if is_missing(why) else str(why)
    notice(f"{reason}; read {' and '.join(host.read)} instead{missing}")
    return InMemoryHistory(host.events)


def _past_of_recording(folder: Path) -> InMemoryHistory:
    try:
        return InMemoryHistory(list(play(load(folder))))
    except RecordingError as error:
        fail(str(error), MISUSED)


def _answers(past: Past, container: str | None, since_ns: int | None) -> list[tuple[bytes, list[bytes]]]:
    """
    Return the bodies of the requested events, each with those of its related events.
    """
    try:
        found = requested_events(past, container, since_ns)
        answers = [
            (event.body, [other.body for other in related_events(past, read_event(event.body))]) for event in found
        ]
    except (StoreError, UnreadableEventError) as error:
        fail(str(error))
    if not answers:
        of_whom = f" of {container!r}" if container is not None else ""
        fail(f"no death{of_whom} is known")
    return answers


def _print_answers(answers: list[tuple[bytes, list[bytes]]], form: str | Path | None, *, full: bool) -> None:
    """
    Print events or reports; many reports begin with an overview, and follow it only on request.
    """
    if form is None and len(answers) >= MANY:
        click.echo("\n".join(as_lines(overview_of(read_events(body for body, _ in answers)), _width())))
        if not full:
            notice(f"--full prints the {len(answers)} reports, `exit137 explain CONTAINER` the last of one container")
            return
        click.echo()
    _print(answers, form)


def _print(answers: Iterable[tuple[bytes, list[bytes]]], form: str | Path | None) -> None:
    """
    Print events or reports; a path is the HTML file to write.
    """
    if isinstance(form, Path):
        # Templates are loaded only for pages.
        importlib.import_module("collector.cli.html_report").write_html(answers, form)
        return
    width = _width()
    for number, (body, others) in enumerate(answers):
        if form == "json":
            write_event(body)
            continue
        report = report_of(read_event(body), read_events(others))
        text = as_markdown(report) if form == "markdown" else as_text(report, width)
        click.echo(("\n" if number else "") + text)


def _width() -> int:
    return min(_WIDEST, shutil.get_terminal_size(_WIDTH).columns)


def _events_of_file(file: Path) -> Iterator[bytes]:
    """
    Yield the events of a file as they are found; without any, say what the text says instead.
    """
    text, found = PassingText(), False
    try:
        with _opened(file) as pieces:
            for event in events_in(text.of(pieces)):
                found = True
                yield to_json(event)
    except OSError as error:
        fail(f"cannot read {file}: {error.strerror}", MISUSED)
    except UnreadableFileError as error:
        fail(f"cannot read {file}: {error}", MISUSED)
    if not found:
        answer_without_events(text)


@contextmanager
def _opened(file: Path) -> Iterator[Iterator[bytes]]:
    if file == _STANDARD_INPUT:
        yield chunks(sys.stdin.buffer, damaged=_warn_of_damage)
        return
    if _is_endless(file):
        fail(f"cannot read {file}: it is a device, not a text", MISUSED)
    with file.open("rb") as stream, _progress(file.stat().st_size) as progress:
        yield chunks(stream, progress, _warn_of_damage)


def _warn_of_damage(what: str) -> None:
    notice(f"the file cannot be unpacked to its end ({what}); it was read up to there")


def _is_endless(file: Path) -> bool:
    """
    Return whether a file is a device that is no terminal, such as /dev/zero; a pipe ends with its writer.
    """
    mode = file.stat().st_mode
    return stat.S_ISBLK(mode) or (stat.S_ISCHR(mode) and not file.samefile(os.devnull) and not _is_terminal(file))


def _is_terminal(file: Path) -> bool:
    with file.open("rb", buffering=0) as stream:
        return stream.isatty()


@contextmanager
def _progress(size: int) -> Iterator[Callable[[int], None] | None]:
    """
    Show a progress bar on a terminal, for a file that takes a while.
    """
    if size < _PROGRESS_BYTES_AT_LEAST or not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=size, label="reading", file=sys.stderr) as bar:
        yield bar.update


def _since_ns(since: str | None) -> int | None:
    try:
        return parse_time(since, time.time_ns()) if since is not None else None
    except TimeArgumentError as error:
        fail(str(error), MISUSED)

"""
`exit137 spool`: shows pending and dead-lettered events, and requeues or discards them.
"""

import difflib
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import orjson

from collector.cli.arguments import TEXT
from collector.cli.common import MISUSED, config_option, configuration, fail, hinted, write_event
from collector.cli.help import SentenceGroup
from collector.store.errors import StoreError
from collector.store.spool import Entry, SinkBacklog, Spool
from sinks.text import duration

_NS: Final = 1_000_000_000
_Command = TypeVar("_Command", bound=Callable[..., Any])


def _selection(function: _Command) -> _Command:
    """
    Add the arguments that select events.
    """
    function = click.argument("ids", nargs=-1, type=TEXT)(function)
    function = click.option(
        "--sink", "sinks", multiple=True, type=TEXT, help="Only events for this sink; may be repeated."
    )(function)
    return config_option(function)


@click.group("spool", cls=SentenceGroup)
def command() -> None:
    """Inspect and repair the delivery queue."""


@command.command("list")
@_selection
@click.option("--dead", is_flag=True, help="List each dead-lettered event.")
@click.option("--waiting", is_flag=True, help="List each pending event.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def list_(
    config_path: Path | None, sinks: Sequence[str], ids: Sequence[str], *, dead: bool, waiting: bool, as_json: bool
) -> None:
    """Count pending and dead-lettered events per sink; with --dead or --waiting, list them."""
    with _spool(config_path, sinks) as spool:
        if not (dead or waiting or ids):
            _write([_backlog(each, as_json=as_json) for each in spool.backlogs() if not sinks or each.sink in sinks])
            return
        _require_known(spool, sinks, ids)
        kinds = [kind for kind, asked in ((False, waiting or not dead), (True, dead or not waiting)) if asked]
        entries = [entry for kind in kinds for entry in spool.entries(dead=kind, sinks=sinks, ids=ids)]
        _write([_entry(each, as_json=as_json) for each in entries])


@command.command("show")
@_selection
def show(config_path: Path | None, sinks: Sequence[str], ids: Sequence[str]) -> None:
    """Print undelivered events as the sink receives them. IDS are ids or their beginnings."""
    with _spool(config_path, sinks) as spool:
        _require_known(spool, sinks, ids)
        entries = [entry for dead in (False, True) for entry in spool.entries(dead=dead, sinks=sinks, ids=ids)]
    for body in dict.fromkeys(entry.body for entry in entries):
        write_event(body)


@command.command("requeue")
@_selection
def requeue(config_path: Path | None, sinks: Sequence[str], ids: Sequence[str]) -> None:
    """Send dead letters again and retry pending events now: IDS, or all events of --sink."""
    _require_selection(sinks, ids)
    with _spool(config_path, sinks) as spool:
        _require_known(spool, sinks, ids)
        count = spool.requeue(sinks, ids)
    click.echo(f"{count} requeued")


@command.command("purge")
@_selection
@click.option("--waiting", is_flag=True, help="Discard pending events too, not only dead letters.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def purge(config_path: Path | None, sinks: Sequence[str], ids: Sequence[str], *, waiting: bool, yes: bool) -> None:
    """Discard dead letters: IDS, or all events of --sink. The events stay in the history."""
    _require_selection(sinks, ids)
    kinds = (True, False) if waiting else (True,)
    with _spool(config_path, sinks) as spool:
        _require_known(spool, sinks, ids)
        count = sum(len(spool.entries(dead=dead, sinks=sinks, ids=ids)) for dead in kinds)
        if count and not yes:
            click.confirm(f"Discard {count} deliveries for good?", abort=True, err=True)
        discarded = sum(spool.purge(dead=dead, sinks=sinks, ids=ids) for dead in kinds)
    click.echo(f"{discarded} discarded")


@contextmanager
def _spool(config_path: Path | None, sinks: Sequence[str]) -> Iterator[Spool]:
    """
    Open the delivery queue. An error of the store ends the command, and so does a sink that nobody knows.
    """
    config = configuration(config_path)
    try:
        with Spool(config.store_path) as spool:
            known = {sink.name for sink in config.sinks} | {backlog.sink for backlog in spool.backlogs()}
            for name in sinks:
                if name not in known:
                    fail(f"there is no sink {name!r}{_nearest(name, known)}", MISUSED)
            yield spool
    except StoreError as error:
        fail(hinted(error))


def _nearest(name: str, known: Collection[str]) -> str:
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return f"; did you mean {nearest[0]!r}?" if nearest else ""


def _require_known(spool: Spool, sinks: Sequence[str], ids: Sequence[str]) -> None:
    """
    End the command if one of the ids is not that of an undelivered event: nothing is done then.
    """
    unknown = [
        each for each in ids if not any(spool.entries(dead=dead, sinks=sinks, ids=[each]) for dead in (False, True))
    ]
    if unknown:
        fail(f"no event {unknown[0]!r} is pending or dead-lettered")


def _require_selection(sinks: Sequence[str], ids: Sequence[str]) -> None:
    # An empty string is the beginning of every id: an unset shell variable must not select all events.
    if not all((*sinks, *ids)) or not (sinks or ids):
        fail("select events by their ids, or sinks with --sink", MISUSED)


def _backlog(backlog: SinkBacklog, *, as_json: bool) -> str | bytes:
    if as_json:
        return orjson.dumps(backlog)
    text = f"{backlog.sink}: {backlog.waiting} pending, {backlog.dead} dead-lettered"
    if backlog.oldest_ns is not None:
        text += f", oldest pending for {_age(backlog.oldest_ns)}"
    if backlog.attempts:
        text += f"; {backlog.attempts} failed attempts, {backlog.detail}"
    if backlog.retry_at_s and backlog.retry_at_s > time.time():
        text += f"; next attempt in {duration(backlog.retry_at_s - time.time())}"
    return text


def _entry(entry: Entry, *, as_json: bool) -> str | bytes:
    if as_json:
        shown = {name: getattr(entry, name) for name in Entry.__dataclass_fields__ if name != "body"}
        return orjson.dumps(shown)
    state = "dead" if entry.dead else "pending"
    stored = datetime.fromtimestamp(entry.stored_ns / _NS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    why = f" {entry.reason}: {entry.detail}" if entry.reason is not None else ""
    return f"{entry.sink} {state} {entry.id} {stored} {entry.type} {entry.subject} tried {entry.attempts}{why}"


def _age(since_ns: int) -> str:
    return duration(max((time.time_ns() - since_ns) / _NS, 0))


def _write(lines: Sequence[str | bytes]) -> None:
    """
    Print lines. JSON is printed as bytes, whatever the encoding of the terminal.
    """
    for line in lines:
        click.echo(line)

"""
`exit137 spool`: what waits for a sink, what was put aside, and what is to become of it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import orjson

from collector.cli.common import MISUSED, config_option, configuration, fail, hinted, write_event
from collector.memory.sentences import duration
from collector.store.errors import StoreError
from collector.store.spool import Entry, SinkBacklog, Spool

_NS: Final = 1_000_000_000
_Command = TypeVar("_Command", bound=Callable[..., Any])


def _chosen(function: _Command) -> _Command:
    """
    The arguments that say which events are meant.
    """
    function = click.argument("ids", nargs=-1)(function)
    function = click.option("--sink", "sinks", multiple=True, help="Only what is for this sink; may be repeated.")(
        function
    )
    return config_option(function)


@click.group("spool")
def command() -> None:
    """Look at events that wait for a sink or were put aside, and mend it."""


@command.command("list")
@_chosen
@click.option("--dead", is_flag=True, help="Each event that was put aside.")
@click.option("--waiting", is_flag=True, help="Each event that waits.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(
    config_path: Path | None, sinks: Sequence[str], ids: Sequence[str], *, dead: bool, waiting: bool, as_json: bool
) -> None:
    """Say per sink what waits and what was put aside; with --dead or --waiting, name the events."""
    with _spool(config_path) as spool:
        if not (dead or waiting or ids):
            _write([_backlog(each, as_json=as_json) for each in spool.backlogs() if not sinks or each.sink in sinks])
            return
        kinds = [kind for kind, asked in ((False, waiting or not dead), (True, dead or not waiting)) if asked]
        entries = [entry for kind in kinds for entry in spool.entries(dead=kind, sinks=sinks, ids=ids)]
        _write([_entry(each, as_json=as_json) for each in entries])


@command.command("show")
@_chosen
def show(config_path: Path | None, sinks: Sequence[str], ids: Sequence[str]) -> None:
    """Print events that have not reached a sink, each as the sink gets it; IDS are how ids begin."""
    with _spool(config_path) as spool:
        entries = [entry for dead in (False, True) for entry in spool.entries(dead=dead, sinks=sinks, ids=ids)]
    if ids and not entries:
        fail("no such event waits or was put aside")
    for body in dict.fromkeys(entry.body for entry in entries):
        write_event(body)


@command.command("requeue")
@_chosen
def requeue(config_path: Path | None, sinks: Sequence[str], ids: Sequence[str]) -> None:
    """Send again what was put aside, and at once what waits for a retry: IDS, or all of --sink."""
    _named(sinks, ids)
    with _spool(config_path) as spool:
        count = spool.requeue(sinks, ids)
    click.echo(f"{count} to be sent again")


@command.command("purge")
@_chosen
@click.option("--waiting", is_flag=True, help="What waits, too; without it only what was put aside.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def purge(config_path: Path | None, sinks: Sequence[str], ids: Sequence[str], *, waiting: bool, yes: bool) -> None:
    """Give up what was put aside: IDS, or all of --sink. It stays in the history."""
    _named(sinks, ids)
    kinds = (True, False) if waiting else (True,)
    with _spool(config_path) as spool:
        count = sum(len(spool.entries(dead=dead, sinks=sinks, ids=ids)) for dead in kinds)
        if count and not yes:
            click.confirm(f"Give up {count} deliveries for good?", abort=True, err=True)
        gone = sum(spool.purge(dead=dead, sinks=sinks, ids=ids) for dead in kinds)
    click.echo(f"{gone} given up")


@contextmanager
def _spool(config_path: Path | None) -> Iterator[Spool]:
    """
    The store's undelivered part; what the store refuses ends the command.
    """
    try:
        with Spool(configuration(config_path).store_path) as spool:
            yield spool
    except StoreError as error:
        fail(hinted(error))


def _named(sinks: Sequence[str], ids: Sequence[str]) -> None:
    # Every id begins with nothing: a variable that is not set must not mean all of them.
    if not all((*sinks, *ids)) or not (sinks or ids):
        fail("name events by their ids, or sinks with --sink", MISUSED)


def _backlog(backlog: SinkBacklog, *, as_json: bool) -> str | bytes:
    if as_json:
        return orjson.dumps(backlog)
    text = f"{backlog.sink}: {backlog.waiting} waiting, {backlog.dead} dead"
    if backlog.oldest_ns is not None:
        text += f", the oldest for {_age(backlog.oldest_ns)}"
    if backlog.attempts:
        text += f"; tried {backlog.attempts} times, {backlog.detail}"
    if backlog.retry_at_s and backlog.retry_at_s > time.time():
        text += f"; next in {duration(backlog.retry_at_s - time.time())}"
    return text


def _entry(entry: Entry, *, as_json: bool) -> str | bytes:
    if as_json:
        shown = {name: getattr(entry, name) for name in Entry.__dataclass_fields__ if name != "body"}
        return orjson.dumps(shown)
    state = "dead" if entry.dead else "waiting"
    stored = datetime.fromtimestamp(entry.stored_ns / _NS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    why = f" {entry.reason}: {entry.detail}" if entry.reason is not None else ""
    return f"{entry.sink} {state} {entry.id} {stored} {entry.type} {entry.subject} tried {entry.attempts}{why}"


def _age(since_ns: int) -> str:
    return duration(max((time.time_ns() - since_ns) / _NS, 0))


def _write(lines: Sequence[str | bytes]) -> None:
    """
    JSON as the bytes that it is, in whatever encoding the terminal may be.
    """
    for line in lines:
        click.echo(line)

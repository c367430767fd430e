"""
`exit137 explain`: what happened, from the store or from a text of any machine.
"""

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click
import orjson

from collector.cli.common import MISUSED, config_option, configuration, fail, history, write_event
from collector.explain.moment import MomentError, moment_ns
from collector.explain.paragraph import paragraph
from collector.explain.pasted import events_of
from collector.store import StoreUnavailableError
from sinks.event import EventType, to_json

_STANDARD_INPUT: Final = Path("-")
_TOLD: Final = (EventType.OOM_KILL.value, EventType.CONTAINER_DEATH.value)


@click.command("explain")
@click.argument("container", required=False)
@click.option("--file", "file", type=click.Path(path_type=Path), help="Kernel log of any machine; - is standard input.")
@click.option("--since", metavar="T", help="All since then: 30m, 2h, 1d, 2026-11-22T03:17.")
@click.option("--json", "as_json", is_flag=True, help="Events, one CloudEvent a line, instead of text.")
@config_option
def command(
    container: str | None, file: Path | None, since: str | None, config_path: Path | None, *, as_json: bool
) -> None:
    """
    Say why CONTAINER died, or what happened since T; without either, the last death.

    With --file the kills that a pasted kernel log tells of.
    """
    if file is not None and (container is not None or since is not None):
        fail("--file stands alone: a text has no store to look a container or a time up in", MISUSED)
    bodies = _of_file(file) if file is not None else _of_store(container, since, config_path)
    for number, body in enumerate(bodies):
        if as_json:
            write_event(body)
        else:
            click.echo(("\n" if number else "") + paragraph(orjson.loads(body)))


def _of_file(file: Path) -> Iterable[bytes]:
    try:
        text = sys.stdin.buffer.read() if file == _STANDARD_INPUT else file.read_bytes()
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}", MISUSED)
    events = events_of(text)
    if not events:
        click.echo(f"exit137: no OOM kill in {len(text.splitlines())} lines", err=True)
    return [to_json(event) for event in events]


def _of_store(container: str | None, since: str | None, config_path: Path | None) -> Iterable[bytes]:
    try:
        since_ns = moment_ns(since, time.time_ns()) if since is not None else None
    except MomentError as error:
        fail(str(error), MISUSED)
    with history(configuration(config_path)) as past:
        try:
            if since_ns is not None:
                found = past.events(container=container, since_ns=since_ns, types=_TOLD)
            else:
                found = past.events(container=container, types=(EventType.CONTAINER_DEATH.value,), limit=1)
                found = found or past.events(container=container, types=_TOLD, limit=1)
        except StoreUnavailableError as error:
            fail(str(error))
    if not found:
        whose = f" of {container!r}" if container is not None else ""
        fail(f"the store knows of no death{whose}")
    return [event.body for event in found]

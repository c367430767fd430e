"""
`exit137 events`: prints the stored events, as the sinks receive them.
"""

import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from collector.cli.arguments import ROWS
from collector.cli.common import config_option, configuration, fail, history, write_event
from collector.cli.messages import notice
from collector.explain.overview import MANY, as_lines, overview_of
from collector.store import PastEvent, StoreError
from sinks.event.reader import read_events

_POLL_S: Final = 0.25


@click.command("events")
@config_option
@click.option("--follow", "-f", is_flag=True, help="Wait for new events and print them until Ctrl-C.")
@click.option("--limit", "-n", type=ROWS, metavar="N", help="Print only the latest N events.")
@click.option("--full", is_flag=True, help="On a terminal, print every event also if there are more than five.")
def command(config_path: Path | None, *, follow: bool, limit: int | None, full: bool) -> None:
    """
    Print published events, oldest first, one CloudEvent per line.

    On a terminal, more than five stored events begin with an overview, and --full prints them after it. Into a file or
    a pipe, all events are printed and nothing else.
    """
    with history(configuration(config_path)) as past:
        try:
            events = past.events(limit=-1 if limit is None else limit)
            if not _is_summarized(events) or full:
                _print(events)
            while follow:
                time.sleep(_POLL_S)
                new = past.events(after_seq=events[-1].seq if events else 0)
                _print(new)
                events = new or events[-1:]
        except StoreError as error:
            fail(str(error))
        except KeyboardInterrupt:
            return


def _is_summarized(events: Sequence[PastEvent]) -> bool:
    """
    Print an overview of many events on a terminal. Return whether that was done.
    """
    if len(events) < MANY or not sys.stdout.isatty():
        return False
    click.echo("\n".join(as_lines(overview_of(read_events(event.body for event in events)), _width())))
    notice(f"--full prints the {len(events)} events; into a file or a pipe they are printed without this overview")
    return True


def _print(events: Sequence[PastEvent]) -> None:
    for event in events:
        write_event(event.body)


def _width() -> int:
    return shutil.get_terminal_size().columns

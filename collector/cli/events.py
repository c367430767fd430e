"""
`exit137 events`: prints the stored events, as the sinks receive them.
"""

import time
from pathlib import Path
from typing import Final

import click

from collector.cli.arguments import ROWS
from collector.cli.common import config_option, configuration, fail, history, write_event
from collector.store import History, StoreError

_POLL_S: Final = 0.25


@click.command("events")
@config_option
@click.option("--follow", "-f", is_flag=True, help="Wait for new events and print them until Ctrl-C.")
@click.option("--limit", "-n", type=ROWS, metavar="N", help="Print only the latest N events.")
def command(config_path: Path | None, *, follow: bool, limit: int | None) -> None:
    """Print published events, oldest first, one CloudEvent per line."""
    with history(configuration(config_path)) as past:
        try:
            seq = _print(past, limit=-1 if limit is None else limit)
            while follow:
                time.sleep(_POLL_S)
                seq = _print(past, after_seq=seq)
        except StoreError as error:
            fail(str(error))
        except KeyboardInterrupt:
            return


def _print(past: History, *, limit: int = -1, after_seq: int | None = None) -> int:
    """
    Print the events after a sequence number. Return the number of the last event printed.
    """
    events = past.events(limit=limit, after_seq=after_seq)
    for event in events:
        write_event(event.body)
    return events[-1].seq if events else after_seq or 0

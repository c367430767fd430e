"""
`exit137 events`: what the store remembers, as the sinks got it.
"""

import time
from pathlib import Path
from typing import Final

import click

from collector.cli.common import config_option, configuration, fail, history, write_event
from collector.store import History, StoreUnavailableError

_LOOK_EVERY_S: Final = 0.25


@click.command("events")
@config_option
@click.option("--follow", "-f", is_flag=True, help="Go on with new events until interrupted.")
@click.option("--limit", "-n", type=click.IntRange(min=0), help="Only so many of the latest.")
def command(config_path: Path | None, *, follow: bool, limit: int | None) -> None:
    """Print stored events, one CloudEvent a line, oldest first."""
    with history(configuration(config_path)) as past:
        try:
            seq = _print(past, limit=-1 if limit is None else limit)
            while follow:
                time.sleep(_LOOK_EVERY_S)
                seq = _print(past, after_seq=seq)
        except StoreUnavailableError as error:
            fail(str(error))
        except KeyboardInterrupt:
            return


def _print(past: History, *, limit: int = -1, after_seq: int | None = None) -> int:
    """
    Print what came after a number; gives the number of the last.
    """
    events = past.events(limit=limit, after_seq=after_seq)
    for event in events:
        write_event(event.body)
    return events[-1].seq if events else after_seq or 0

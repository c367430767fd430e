"""
`exit137 replay`: a recorded host played through the correlator.
"""

from pathlib import Path

import click

from collector.cli.common import MISUSED, fail, write_event
from collector.replay import RecordingError, load, play
from sinks.event import to_json


@click.command("replay")
@click.argument("recording", type=click.Path(path_type=Path))
def command(recording: Path) -> None:
    """Print the events of RECORDING, one CloudEvent a line; the same ones each time."""
    try:
        loaded = load(recording)
    except RecordingError as error:
        fail(str(error), MISUSED)
    for name, count in loaded.unreadable.items():
        click.echo(f"exit137: {recording / name}: {count} of its records cannot be read", err=True)
    for event in play(loaded):
        write_event(to_json(event))

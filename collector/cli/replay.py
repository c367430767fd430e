"""
`exit137 replay`: prints the events of a recorded host.
"""

from pathlib import Path

import click

from collector.cli.arguments import FILE
from collector.cli.common import MISUSED, fail, write_event
from collector.cli.messages import notice
from collector.recordings.replay import RecordingError, load, play
from sinks.event import to_json


@click.command("replay")
@click.argument("recording", type=FILE)
def command(recording: Path) -> None:
    """Print the events of RECORDING, one CloudEvent per line. The output is the same every time."""
    try:
        loaded = load(recording)
    except RecordingError as error:
        fail(str(error), MISUSED)
    for name, count in loaded.unreadable.items():
        notice(f"{recording / name}: {count} records could not be read")
    for event in play(loaded):
        write_event(to_json(event))

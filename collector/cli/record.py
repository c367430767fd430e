"""
`exit137 record`: this host in a folder, to be looked at elsewhere.
"""

import asyncio
import signal
from pathlib import Path

import click

from collector.cli.common import MISUSED, config_option, configuration, fail
from collector.hostclock import identify
from collector.recorder import Recorder, RecorderError


@click.command("record")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--for", "for_s", type=click.FloatRange(min=0), metavar="SECONDS", help="Stop after so long.")
@config_option
def command(folder: Path, for_s: float | None, config_path: Path | None) -> None:
    """
    Record kernel log, Docker's events and the journal in DIR until Ctrl-C.

    Values of labels and environments, secrets in command lines and logs are masked; `exit137 replay DIR` plays it.
    """
    config = configuration(config_path)
    host = identify(machine_id=config.host.id, hostname=config.host.hostname)
    try:
        recorder = Recorder(folder, host, config.sources.docker.url, config.sources.kmsg.path)
    except RecorderError as error:
        fail(str(error), MISUSED)
    asyncio.run(_record(recorder, for_s))
    for note in recorder.notes:
        click.echo(f"exit137: {note}", err=True)
    tally = recorder.tally
    click.echo(
        f"exit137: {tally.kernel_records} kernel records, {tally.docker_events} Docker events, "
        f"{tally.inspections} inspections and {tally.journal_entries} journal entries in {folder}",
        err=True,
    )
    if not tally.kernel_records and not tally.docker_events:
        fail("nothing could be recorded")


async def _record(recorder: Recorder, for_s: float | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if for_s is not None:
        loop.call_later(for_s, stop.set)
    await recorder.run(stop)

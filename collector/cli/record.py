"""
`exit137 record`: records what the sources of this host see, to replay it elsewhere.
"""

import asyncio
import signal
from pathlib import Path

import click

from collector.cli.arguments import FILE, SECONDS
from collector.cli.common import MISUSED, config_option, configuration, fail
from collector.cli.messages import notice
from collector.host.clock import identify
from collector.recordings import Recorder, RecorderError


@click.command("record")
@click.argument("folder", metavar="DIR", type=FILE)
@click.option("--for", "for_s", type=SECONDS, metavar="SECONDS", help="Stop after this time instead of at Ctrl-C.")
@config_option
def command(folder: Path, for_s: float | None, config_path: Path | None) -> None:
    """
    Record the kernel log, Docker's events and the journal in DIR until Ctrl-C.

    The values of labels and environment variables are masked, and so are secrets in command lines and logs. Use
    `exit137 replay DIR` to see the events of the recording.
    """
    config = configuration(config_path)
    host = identify(machine_id=config.host.id, hostname=config.host.hostname)
    try:
        recorder = Recorder(folder, host, config.sources.docker.url, config.sources.kmsg.path)
    except RecorderError as error:
        fail(str(error), MISUSED)
    asyncio.run(_record(recorder, for_s))
    for note in recorder.notes:
        notice(note)
    tally = recorder.tally
    notice(
        f"{tally.kernel_records} kernel records, {tally.docker_events} Docker events, "
        f"{tally.inspections} inspections and {tally.journal_entries} journal entries in {folder}"
    )
    if not tally.kernel_records and not tally.docker_events:
        fail("nothing was recorded: neither the kernel log nor Docker could be read")


async def _record(recorder: Recorder, for_s: float | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if for_s is not None:
        loop.call_later(for_s, stop.set)
    await recorder.run(stop)

"""
`exit137 web`: serves the pages, as a process of its own that only reads the store.
"""

import asyncio
import logging
import signal
from pathlib import Path

import click

from collector.cli.common import config_option, configuration, fail
from collector.cli.messages import notice
from collector.config.sections import Config
from collector.web.pages.server import Pages


@click.command("web")
@config_option
def command(config_path: Path | None) -> None:
    """Serve pages for a browser at the address of [web] until SIGTERM or SIGINT. The store is only read."""
    config = configuration(config_path)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    try:
        asyncio.run(_serve(config))  # uvloop would take 1 MB, and needs ssl
    except OSError as error:
        fail(f"cannot listen on {config.web.listen}: {error.strerror}")


async def _serve(config: Config) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await Pages(config).run(stop, lambda url: notice(f"pages at {url}"))

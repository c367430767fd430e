"""
`exit137 hub`: takes the events of many hosts, finds incidents, and serves pages.
"""

import asyncio
import logging
import os
from pathlib import Path

import click
import uvloop

from collector.cli.common import FAILED, MISUSED, config_option, configuration, fail
from collector.config.loader import ConfigurationError
from collector.runtime.journal_handler import JournalHandler, is_journal
from collector.runtime.log_format import MaskingFormatter
from collector.runtime.sd_notify import SdNotifier
from collector.store import StoreError
from fleet.hub import serve
from fleet.paths import SYSTEM_CONFIG


@click.command("hub")
@config_option
def command(config_path: Path | None) -> None:
    """Watch many hosts by the events of their agents until SIGTERM or SIGINT. Default: /etc/exit137/hub.toml."""
    config = configuration(config_path or SYSTEM_CONFIG)
    handler = JournalHandler() if is_journal(os.environ) else logging.StreamHandler()
    if not isinstance(handler, JournalHandler):
        handler.setFormatter(MaskingFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(config, SdNotifier.from_environment(os.environ, os.getpid())))
    except ConfigurationError as error:
        fail(str(error), MISUSED)
    except StoreError as error:
        fail(str(error), FAILED)
    except KeyboardInterrupt:
        fail("stopped immediately (second signal)", FAILED)

"""
`exit137 run`: the agent, in the foreground.
"""

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import Final

import click
import uvloop

from collector.app import serve
from collector.cli.common import FAILED, MISUSED, config_option, configuration, fail
from collector.config import ConfigurationError, load
from collector.journal_log import JournalHandler, to_journal
from collector.notify import Notifier
from collector.store import StoreError

# A thread of the Docker SDK or of the journal may hold the loop up no longer than this; Python's own 5 ms add up.
_SWITCH_S: Final = 0.001


@click.command("run")
@config_option
def command(config_path: Path | None) -> None:
    """Watch this host until SIGTERM or SIGINT; SIGHUP reads the configuration again."""
    sys.setswitchinterval(_SWITCH_S)
    config = configuration(config_path)
    handler = JournalHandler() if to_journal(os.environ) else logging.StreamHandler()
    layout = "%(message)s" if isinstance(handler, JournalHandler) else "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(level=logging.INFO, handlers=[handler], format=layout)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(config, lambda: load(config_path), Notifier.of(os.environ, os.getpid())))
    except ConfigurationError as error:
        fail(str(error), MISUSED)
    except StoreError as error:
        fail(str(error), FAILED)
    except KeyboardInterrupt:
        fail("ended at once, as asked twice", FAILED)

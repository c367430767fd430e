"""
`exit137 run`: runs the agent in the foreground.
"""

import asyncio
import logging
import os
import resource
import sys
from pathlib import Path
from typing import Final

import click
import uvloop

from collector.app import serve
from collector.cli.common import FAILED, MISUSED, config_option, configuration, fail
from collector.config.loader import ConfigurationError, load
from collector.runtime.journal_handler import JournalHandler, is_journal
from collector.runtime.log_format import MaskingFormatter
from collector.runtime.sd_notify import SdNotifier
from collector.store import StoreError

# How long a thread of the Docker SDK or the journal may delay the event loop. Python's default of 5 ms adds up.
_SWITCH_S: Final = 0.001
# Sources, sinks, store and event loop open 40 to 60. With very few, the event loop aborts the process.
_LEAST_DESCRIPTORS: Final = 64


@click.command("run")
@config_option
def command(config_path: Path | None) -> None:
    """Watch this host until SIGTERM or SIGINT. SIGHUP reloads the configuration."""
    sys.setswitchinterval(_SWITCH_S)
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors < _LEAST_DESCRIPTORS:
        fail(f"{descriptors} open files are too few: allow {_LEAST_DESCRIPTORS} (LimitNOFILE=, ulimit -n)", FAILED)
    config = configuration(config_path)
    handler = JournalHandler() if is_journal(os.environ) else logging.StreamHandler()
    if not isinstance(handler, JournalHandler):
        handler.setFormatter(MaskingFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(config, lambda: load(config_path), SdNotifier.from_environment(os.environ, os.getpid())))
    except ConfigurationError as error:
        fail(str(error), MISUSED)
    except StoreError as error:
        fail(str(error), FAILED)
    except KeyboardInterrupt:
        fail("stopped immediately (second signal)", FAILED)

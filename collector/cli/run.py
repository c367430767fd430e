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
from collector.config import ConfigurationError
from collector.store import StoreError

_SYSLOG_LEVELS: Final = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}


class _Formatter(logging.Formatter):
    """
    One line a record; under systemd its priority stands before it (sd-daemon(3)).
    """

    def __init__(self, *, under_systemd: bool) -> None:
        super().__init__("%(message)s" if under_systemd else "%(asctime)s %(levelname)s %(message)s")
        self._under_systemd = under_systemd

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record).replace("\n", "\n  ")
        return f"<{_SYSLOG_LEVELS.get(record.levelno, 6)}>{text}" if self._under_systemd else text


@click.command("run")
@config_option
def command(config_path: Path | None) -> None:
    """Watch this host until SIGTERM or SIGINT."""
    config = configuration(config_path)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(under_systemd="JOURNAL_STREAM" in os.environ))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(config))
    except ConfigurationError as error:
        fail(str(error), MISUSED)
    except StoreError as error:
        fail(str(error), FAILED)
    except KeyboardInterrupt:
        fail("ended at once, as asked twice", FAILED)

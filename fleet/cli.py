"""
`exit137 hub`: takes the events of many hosts, finds incidents, and serves pages.
"""

import asyncio
import logging
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import click
import uvloop

from collector.cli.common import FAILED, MISUSED, config_option, configuration, fail
from collector.config.loader import ConfigurationError
from collector.config.sections import Config
from collector.runtime.journal_handler import JournalHandler, is_journal
from collector.runtime.log_format import MaskingFormatter
from collector.runtime.sd_notify import SdNotifier
from collector.store import StoreError
from fleet.hub import serve
from fleet.paths import SYSTEM_CONFIG


@click.command("hub")
@config_option
@click.option("--demo", is_flag=True, help="Show a simulated fleet, from a temporary store; nothing is sent.")
def command(config_path: Path | None, *, demo: bool) -> None:
    """Watch many hosts by the events of their agents until SIGTERM or SIGINT. Default: /etc/exit137/hub.toml."""
    config = configuration(config_path if config_path is not None or demo else SYSTEM_CONFIG)
    handler = JournalHandler() if is_journal(os.environ) else logging.StreamHandler()
    if not isinstance(handler, JournalHandler):
        handler.setFormatter(MaskingFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            notifier = SdNotifier.from_environment(os.environ, os.getpid())
            runner.run(_demo(config, notifier) if demo else serve(config, notifier))
    except ConfigurationError as error:
        fail(str(error), MISUSED)
    except StoreError as error:
        fail(str(error), FAILED)
    except KeyboardInterrupt:
        fail("stopped immediately (second signal)", FAILED)


def _demo(config: Config, notifier: SdNotifier) -> Coroutine[Any, Any, None]:
    from fleet.demo import serve_demo  # noqa: PLC0415 (the simulation is not part of a hub that runs)

    return serve_demo(config, notifier)

"""
What the commands share: the option --config, access to the store, and how an error ends a command.
"""

import sys
from pathlib import Path
from typing import Final, NoReturn

import click

from collector.cli.arguments import FILE
from collector.cli.messages import notice
from collector.config.loader import ConfigurationError, load
from collector.config.sections import Config
from collector.store import History, StoreError

FAILED: Final = 1
MISUSED: Final = 2
# A text speaks of an OOM kill and cannot be read.
UNREADABLE: Final = 3

config_option = click.option(
    "--config",
    "config_path",
    type=FILE,
    help="Configuration file. Default: /etc/exit137/config.toml if it exists, else built-in defaults.",
)


def configuration(path: Path | None) -> Config:
    """
    Load the configuration. An error in it ends the command with exit code 2.
    """
    try:
        return load(path)
    except ConfigurationError as error:
        fail(str(error), MISUSED)


def history(config: Config) -> History:
    """
    Open the stored events. Without a usable store, end the command with exit code 1.
    """
    try:
        return History(config.store_path)
    except StoreError as error:
        fail(hinted(error))


def is_missing(error: StoreError) -> bool:
    """
    Return whether there is no store at all.
    """
    return isinstance(error.__cause__, FileNotFoundError)


def hinted(error: StoreError) -> str:
    """
    Return why a store cannot be used, and what to check if there is none.
    """
    return f"{error}; has the agent run on this host?" if is_missing(error) else str(error)


def fail(message: str, code: int = FAILED) -> NoReturn:
    """
    Print an error and end the command.
    """
    notice(message)
    sys.exit(code)


def write_event(body: bytes) -> None:
    """
    Print one event as a line of JSON. JSON is UTF-8, whatever the encoding of the terminal is.
    """
    sys.stdout.buffer.write(body + b"\n")
    sys.stdout.buffer.flush()

"""
What the commands share: the configuration option, and how a failure ends a command.
"""

import sys
from pathlib import Path
from typing import Final, NoReturn, TextIO

import click

from collector.config import Config, ConfigurationError, load
from collector.store import History, StoreError

FAILED: Final = 1
MISUSED: Final = 2

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help="Configuration file; /etc/exit137/config.toml if it is there, else defaults.",
)


def configuration(path: Path | None) -> Config:
    """
    The configuration; a mistake in it ends the command with exit code 2.
    """
    try:
        return load(path)
    except ConfigurationError as error:
        fail(str(error), MISUSED)


def history(config: Config) -> History:
    """
    The store's past events; ends the command where there is no store.
    """
    try:
        return History(config.store_path)
    except StoreError as error:
        fail(hinted(error))


def is_missing(error: StoreError) -> bool:
    """
    Whether there is no store at all.
    """
    return isinstance(error.__cause__, FileNotFoundError)


def hinted(error: StoreError) -> str:
    """
    Why a store cannot be used, and what to ask where there is none.
    """
    return f"{error}; has the agent run here?" if is_missing(error) else str(error)


def fail(message: str, code: int = FAILED) -> NoReturn:
    """
    Say what is wrong and end the command.
    """
    click.echo(f"exit137: {message}", err=True)
    sys.exit(code)


def write_event(body: bytes) -> None:
    """
    Print one event as one line of JSON.
    """
    stdout: TextIO | None = getattr(sys, "stdout", None)
    if stdout is None:
        fail("standard output is closed")
    stdout.buffer.write(body + b"\n")
    stdout.buffer.flush()

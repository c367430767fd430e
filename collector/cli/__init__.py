"""
The command line. Standard output carries events and answers; everything else goes to standard error.

Exit codes: 0 done, 1 failed, 2 usage or configuration error. Each command is a module of its own, imported when it is
asked for: the agent does not pay for the others' memory.
"""

import errno
import importlib
import io
import os
import sys
from collections.abc import Mapping
from typing import Final

import click

COMMANDS: Final[Mapping[str, str]] = {
    "run": "collector.cli.run",
    "explain": "collector.cli.explain",
    "events": "collector.cli.events",
    "replay": "collector.cli.replay",
    "record": "collector.cli.record",
    "top": "collector.cli.top",
    "size": "collector.cli.size",
    "spool": "collector.cli.spool",
    "check": "collector.cli.check",
    "install": "collector.cli.install",
    "uninstall": "collector.cli.uninstall",
}


_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_FAILED: Final = 1
_STDERR: Final = 2


class _Commands(click.Group):
    """
    The commands of the table, in its order.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """
        Their names.
        """
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """
        One of them; a name that does not exist is refused by click, with the nearest that does.
        """
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name]).command
        return command

    def invoke(self, ctx: click.Context) -> object:
        """
        Run one; a disk that is full is no fault of ours, whether the output went there or something else did.
        """
        _settle_streams()
        try:
            return super().invoke(ctx)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            click.echo(f"exit137: {error.filename or 'standard output'}: {error.strerror}", err=True)
            _forget_output()
            ctx.exit(_FAILED)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="exit137", message="%(prog)s %(version)s")
def main() -> None:
    """Say why a container died, with proof."""


def _settle_streams() -> None:
    """
    Have nothing else take the numbers of streams that are closed: a store would be written to as standard output.

    A terminal that lacks a letter gets a question mark for it.
    """
    while (descriptor := os.open(os.devnull, os.O_RDONLY)) <= _STDERR:
        pass
    os.close(descriptor)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _forget_output() -> None:
    """
    What could not be written would be tried again at the very end, with a complaint of Python's own.
    """
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 (until the end)

"""
The command line. Standard output carries events and answers; everything else goes to standard error.

Exit codes: 0 done, 1 failed, 2 usage or configuration error. Each command is a module of its own, imported when it is
asked for: the agent does not pay for the others' memory.
"""

import importlib
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


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="exit137", message="%(prog)s %(version)s")
def main() -> None:
    """Say why a container died, with proof."""

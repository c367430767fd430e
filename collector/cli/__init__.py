"""
The command line. Standard output carries events and answers; everything else goes to standard error.

Exit codes: 0 success, 1 failure, 2 usage or configuration error. Each command is a module, imported only when it runs,
so that the agent does not spend memory on the others.
"""

import errno
import importlib
import io
import os
import sys
from collections.abc import Mapping
from typing import Any, Final

import click

from collector.cli.help import SentenceGroup
from collector.cli.messages import notice, print_traceback

COMMANDS: Final[Mapping[str, str]] = {
    "run": "collector.cli.run",
    "explain": "collector.cli.explain",
    "why": "collector.cli.why",
    "events": "collector.cli.events",
    "replay": "collector.cli.replay",
    "record": "collector.cli.record",
    "web": "collector.cli.web",
    "mcp": "collector.cli.mcp",
    "hub": "fleet.cli",  # a name, not an import: the fleet stands above the agent
    "top": "collector.cli.top",
    "size": "collector.cli.size",
    "spool": "collector.cli.spool",
    "check": "collector.cli.check",
    "install": "collector.cli.install",
    "uninstall": "collector.cli.uninstall",
}

# They open no TLS connection. Without the module ssl, which asyncio and aiohttp import if it is there, they take 4 MB
# less.
_WITHOUT_TLS: Final = frozenset({"web"})
_FAILED: Final = 1
_STDERR: Final = 2


class _Commands(SentenceGroup):
    """
    Offers the commands of the table, in its order.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """
        Return the names of all commands.
        """
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """
        Import and return a command; None if there is none, and click suggests the nearest name.
        """
        del ctx
        if cmd_name not in COMMANDS:
            return None
        if cmd_name in _WITHOUT_TLS:
            modules: Any = sys.modules  # None in it refuses an import
            modules.setdefault("ssl", None)
        command: click.Command = importlib.import_module(COMMANDS[cmd_name]).command
        return command

    def invoke(self, ctx: click.Context) -> object:
        """
        Run a command. What the system refuses (a full disk, no memory, no descriptor) ends it with one line and exit
        code 1, not with a traceback.
        """
        try:
            _prepare_streams()
            sys.excepthook = print_traceback
            return super().invoke(ctx)
        except (OSError, MemoryError, ImportError, BaseExceptionGroup) as error:
            refusal = _refusal(error)
            if refusal is None:
                raise
            notice(refusal)
            _discard_output()
            ctx.exit(_FAILED)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="exit137", message="%(prog)s %(version)s")
def main() -> None:
    """Say why a container died, with proof."""


def _refusal(error: BaseException) -> str | None:
    """
    Return in words what the system refused; None for another error, and for a pipe that nobody reads any more.
    """
    match error:
        case BaseExceptionGroup():
            return next((words for each in error.exceptions if (words := _refusal(each)) is not None), None)
        case MemoryError():
            return "not enough memory"
        case ImportError():
            return f"cannot load a library: {error}"
        case OSError(errno=errno.EBADF, filename=None):
            return "standard output is closed"
        case OSError(strerror=str()) if error.errno != errno.EPIPE:
            return f"{error.filename or 'standard output'}: {error.strerror}"
    return None


def _prepare_streams() -> None:
    """
    Open /dev/null for closed standard streams, and print `?` for letters that the terminal cannot show.

    Otherwise the next file that is opened, such as the store, would get the number of standard output. Standard output
    that was closed refuses what is printed, so that nobody takes the answer for given.
    """
    while (descriptor := os.open(os.devnull, os.O_RDONLY)) <= _STDERR:
        pass
    os.close(descriptor)
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 (until the end)
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115 (until the end)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _discard_output() -> None:
    """
    Discard buffered output. Python would write it again at exit, fail again and print its own error.
    """
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 (until the end)

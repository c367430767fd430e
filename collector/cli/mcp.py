"""
`exit137 mcp`: offers what the agent knows to models, as MCP tools on standard input and output.
"""

import importlib
import sys
from pathlib import Path
from typing import Final

import click

from collector.cli.arguments import FILE
from collector.cli.common import MISUSED, config_option, fail
from collector.cli.messages import notice
from collector.cli.why import socket_of

# What the extra installs and the agent does not need otherwise.
_EXTRA: Final = frozenset({"mcp", "mcp_types", "pydantic", "anyio"})


@click.command("mcp")
@click.option("--socket", "socket", type=FILE, envvar="EXIT137_SOCKET", help="The socket of the agent.")
@config_option
def command(socket: Path | None, config_path: Path | None) -> None:
    """
    Offer read-only tools to models (MCP) on standard input and output, for a client that starts this command.

    The tools ask the running agent through its socket. They need the extra: pip install 'exit137[mcp]'.
    """
    path = socket or socket_of(config_path)
    try:
        server = importlib.import_module("collector.web.mcp.server")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        fail("the MCP SDK is not installed here: pip install 'exit137[mcp]'", MISUSED)
    if sys.stdin.isatty():
        notice("waiting for an MCP client on standard input; docs/mcp.md says how to configure one")
    server.serve(path)

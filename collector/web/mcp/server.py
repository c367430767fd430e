"""
Serves the tools over standard input and output, until the client closes its end.
"""

import inspect
from importlib.metadata import version
from pathlib import Path
from typing import Final

from mcp.server.mcpserver import MCPServer
from mcp.types import ToolAnnotations

from collector.web.api.client import ApiClient
from collector.web.mcp.agent import AskedAgent
from collector.web.mcp.tools import Tools
from collector.web.mcp.untrusted import NOTE

_INSTRUCTIONS: Final = (
    "exit137 says why containers on this Docker host died, with proof. confidence is certain, likely or possible:"
    f" do not present a likely cause as certain. While not_seen has entries, no kill found proves nothing. {NOTE}"
)


def serve(socket: Path) -> None:
    """
    Answer a client on standard input and output.

    Args:
        socket: of the agent.
    """
    server_of(socket).run("stdio")


def server_of(socket: Path) -> MCPServer[None]:
    """
    Return a server with the tools.

    Args:
        socket: of the agent.
    """
    # Warnings on standard error: a client shows them to a person, or drops them.
    server = MCPServer("exit137", instructions=_INSTRUCTIONS, version=version("exit137"), log_level="WARNING")
    tools = Tools(AskedAgent(ApiClient(socket)))
    for tool in (
        tools.why_did_it_die,
        tools.recent_deaths,
        tools.containers_at_risk,
        tools.explain_kernel_log,
        tools.recommended_limit,
    ):
        server.add_tool(
            tool,
            description=" ".join((inspect.getdoc(tool) or "").split()),
            annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False),
            structured_output=True,
        )
    return server

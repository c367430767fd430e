"""
The tools over the API of an agent whose store a test fills.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client
from mcp.types import CallToolResult, TextContent

from collector.web.mcp.server import server_of
from tests.unit.collector.web.api.conftest import Asking, asking_at


class Caller:
    """
    A client of the tools, and the agent behind them.
    """

    def __init__(self, agent: Asking, socket: Path) -> None:
        self.agent = agent
        self.socket = socket

    async def call(self, tool: str, **arguments: object) -> dict[str, Any]:
        """
        Return the structured answer of a tool.
        """
        found = await self._called(tool, arguments)
        assert not found.is_error, found.content
        assert isinstance(found.structured_content, dict)
        return found.structured_content

    async def refused(self, tool: str, **arguments: object) -> str:
        """
        Return the error that a tool answers with.
        """
        found = await self._called(tool, arguments)
        assert found.is_error
        (text,) = found.content
        assert isinstance(text, TextContent)
        return text.text

    async def _called(self, tool: str, arguments: dict[str, object]) -> CallToolResult:
        # One client a call: the SDK must leave it in the task that entered it, which a fixture may not.
        async with Client(server_of(self.socket)) as client:
            return await client.call_tool(tool, arguments)


@pytest.fixture
async def caller(tmp_path: Path) -> AsyncIterator[Caller]:
    """
    A client of the tools of an agent with an empty store.
    """
    socket = tmp_path / "a.sock"
    async with asking_at(socket) as agent:
        yield Caller(agent, socket)

"""
The server over standard input and output, with the SDK's own client.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.stdio import stdio_client

from tests.shared.pages import recorded, stored
from tests.unit.collector.web.api.conftest import asking_at

# Each starts a process that loads the SDK.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
TOOLS = ["why_did_it_die", "recent_deaths", "containers_at_risk", "explain_kernel_log", "recommended_limit"]
PROGRAM = "from collector.cli import main; main()"


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_client_lists_and_calls_the_tools(tmp_path: Path, mode: str) -> None:
    """
    Each is read-only and describes its arguments and its answer. The process ends when the client is gone.
    """
    socket = tmp_path / "a.sock"
    parameters = StdioServerParameters(command=sys.executable, args=["-c", PROGRAM, "mcp", "--socket", str(socket)])
    async with asking_at(socket) as agent:
        await agent.stored(*map(stored, recorded()))
        async with Client(stdio_client(parameters), mode=mode) as client:
            tools = (await client.list_tools()).tools
            assert [tool.name for tool in tools] == TOOLS
            for tool in tools:
                assert tool.annotations is not None
                assert tool.annotations.read_only_hint
                assert tool.description
                assert tool.output_schema
            found = await client.call_tool("recent_deaths", {"since": "2020-01-01", "limit": 3})
            assert found.structured_content is not None
            assert len(found.structured_content["deaths"]) == 3


def test_standard_output_is_left_to_the_protocol() -> None:
    """
    Not even an end of input writes to it.
    """
    done = subprocess.run([sys.executable, "-c", PROGRAM, "mcp"], input=b"", check=False, capture_output=True)
    assert (done.returncode, done.stdout) == (0, b"")
    done = subprocess.run([sys.executable, "-c", PROGRAM, "mcp"], input=b"not JSON\n", check=False, capture_output=True)
    assert all(line.startswith(b'{"jsonrpc"') for line in done.stdout.splitlines())


def test_without_the_extra_the_command_says_how_to_install_it() -> None:
    """
    With exit code 2, as any use that cannot work.
    """
    without = "import sys; sys.modules['mcp'] = None; " + PROGRAM
    done = subprocess.run([sys.executable, "-c", without, "mcp"], input="", check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'exit137[mcp]'" in done.stderr

"""
A model's client asks the tools about a real container, through a live agent.
"""

import asyncio
import sys
from typing import Any, Final

import pytest
from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.stdio import stdio_client

from tests.lab.agent import Agent
from tests.lab.lab import Lab

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]
PROGRAM: Final = "from collector.cli import main; main()"


async def asked(agent: Agent, tool: str, **arguments: object) -> dict[str, Any]:
    """
    Return the structured answer of a tool.
    """
    command = ["-c", PROGRAM, "mcp", "--socket", str(agent.socket)]
    async with Client(stdio_client(StdioServerParameters(command=sys.executable, args=command))) as client:
        found = await client.call_tool(tool, arguments)
    assert not found.is_error, found.content
    assert isinstance(found.structured_content, dict)
    return found.structured_content


def test_the_kill_of_a_main_process_is_a_death_with_its_cause(agent: Agent, lab: Lab) -> None:
    """
    Settled and certain, with the name of the container as untrusted text; the list of deaths has it too.
    """
    box = lab.run("hold", "eat:64", limit_mib=12)
    box.release()
    box.container.wait()
    answer = asyncio.run(asked(agent, "why_did_it_die", container=box.id, wait_s=30))
    assert (answer["known"], answer["settled"], answer["state"]) == (True, True, "ended")
    assert (answer["death"]["cause"], answer["death"]["confidence"]) == ("oom_kill", "certain")
    assert answer["kills_total"] == 1
    assert answer["untrusted_text"]["container_name"] == box.name
    deaths = asyncio.run(asked(agent, "recent_deaths", since="10m", causes=["oom_kill"]))["deaths"]
    assert answer["death"]["event_id"] in [death["event_id"] for death in deaths]

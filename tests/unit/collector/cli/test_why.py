"""
`exit137 why`: what it prints, and its exit codes, over the API of an agent that no source feeds.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from collector.cli import main
from collector.facts.watermark import WatermarkFact
from tests.unit.collector.correlate.scene import A, ns
from tests.unit.collector.web.api.conftest import DEATH, Asking, asking_at, event


@pytest.fixture
async def asking(tmp_path: Path) -> AsyncIterator[Asking]:
    """
    An API that answers at a socket.
    """
    async with asking_at(tmp_path / "a.sock") as found:
        yield found


async def run(tmp_path: Path, *arguments: str) -> Result:
    """
    Run the command while the agent goes on.
    """
    return await asyncio.to_thread(
        CliRunner().invoke, main, ["why", *arguments, "--socket", str(tmp_path / "a.sock"), "--wait", "100ms"]
    )


async def test_a_settled_answer_is_printed(asking: Asking, tmp_path: Path) -> None:
    """
    With --json the whole answer, with its proof.
    """
    await asking.stored(event(1, DEATH, exit137={"cause": "exit"}))
    found = await run(tmp_path, "web")
    assert (found.exit_code, found.stdout) == (0, "event 1\n")
    found = await run(tmp_path, A[:12], "--json")
    assert (found.exit_code, json.loads(found.stdout)["cause"]) == (0, "exit")


async def test_the_exit_code_says_whether_more_may_come(asking: Asking, tmp_path: Path) -> None:
    """
    3 while a source is behind, 4 if there is nothing; a number is a pid.
    """
    assert (await run(tmp_path, "nobody")).exit_code == 4
    assert (await run(tmp_path, "4711")).exit_code == 4
    asking.analyzer.feed(WatermarkFact(source="kmsg", read_until_ns=ns(9)), 0)
    found = await run(tmp_path, "nobody")
    assert found.exit_code == 3
    assert "kmsg" in found.stdout


async def test_an_agent_that_does_not_answer_or_refuses_is_an_error(asking: Asking, tmp_path: Path) -> None:
    """
    1 without an agent, 2 for a wrong argument.
    """
    assert (await run(tmp_path, "web", "--since", "yesterday")).exit_code == 2
    (tmp_path / "a.sock").unlink()
    assert (await run(tmp_path, "web")).exit_code == 1

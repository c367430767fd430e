"""
An agent whose people are notified through services that hang, answer without end, or send messages elsewhere.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.hostile.agent import agent, until
from tests.hostile.memory import peak_bytes
from tests.hostile.peers import SINKS, http_peers

MIB: Final = 1_048_576
MODES: Final = ("dripping body", "endless 100 Continue", "gzip bomb", "redirect to itself")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_an_agent_outlives_hostile_services(tmp_path: Path) -> None:
    """
    Other sinks get their events, the agent's own memory does not grow, /readyz names the services that fail, and the
    agent stops at once although some of them hang. No URL is in its log.
    """
    with ExitStack() as stack:
        there = stack.enter_context(http_peers({mode: SINKS[mode] for mode in MODES}))
        sinks = []
        for number, _ in enumerate(MODES):
            url = tmp_path / f"url{number}"
            url.write_text(f"json://user:h1dden@127.0.0.1:{there.port}/{number}?rto=60")
            sinks.append(f'name = "p{number}"\ntype = "apprise"\nurl_file = "{url}"\ntimeout_s = 10')
        found = stack.enter_context(agent(tmp_path / "agent", None, sinks))
        found.kill_is_published(1, 70_001)
        until(lambda: set(there.asked) == set(MODES))
        found.kill_is_published(2, 70_002)
        until(lambda: all(f"sink p{number} does not take events" in found.ready()[1] for number in range(len(MODES))))
        assert found.process.poll() is None
        assert peak_bytes(found.process.pid) < 120 * MIB
        # The figure is that of the last attempt, which may have begun before the second event.
        until(lambda: found.metric('exit137_sink_depth{sink="p0"}') == 2)
        found.process.terminate()
        assert found.process.wait(60) == 0
        assert "h1dden" not in found.log()
        assert "Traceback" not in found.log()

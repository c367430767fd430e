"""
Tests of the kernel's OOM kill counters against its log.
"""

import time
from typing import Any

import pytest

from sinks.event import Cause
from tests.lab.agent import Agent
from tests.lab.lab import Lab
from tests.lab.traces import Traces
from tests.live.conftest import TRACES

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]
# One look at the counters, and the wait for late evidence after it.
COMPARED_S = 5 + 4 + 2


def test_every_counted_kill_is_explained(lab: Lab, agent: Agent, request: pytest.FixtureRequest) -> None:
    """
    If all counted kills of a running container are known, no lost evidence is reported.
    """
    request.node.stash[TRACES] = Traces(agent=agent, client=lab.client)
    box = lab.run("fork:1", "eat:64", "end", "wait", "hold", limit_mib=32)
    box.hold()
    time.sleep(COMPARED_S)
    of_box = [event for event in agent.events() if event["subject"] == f"container/{box.id}"]
    assert [event["type"] for event in of_box] == ["exit137.oom_kill"]
    box.go()
    box.died(Cause.EXIT, 0)


def test_a_kill_without_a_log_line_is_still_counted(lab: Lab, engine_agent_without_logs: Agent) -> None:
    """
    Without the kernel log, the counter alone shows a kill in a container that keeps running.
    """
    agent = engine_agent_without_logs
    box = lab.run("fork:1", "eat:64", "end", "wait", "hold", limit_mib=32)
    box.hold()

    def gaps(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        of_box = [event for event in events if event["subject"] == f"container/{box.id}"]
        return [event["data"]["exit137"]["gap"] for event in of_box if event["type"] == "exit137.agent"]

    agent.wait_for(gaps, COMPARED_S + 10, "the unexplained kill is reported")
    (gap,) = gaps(agent.events())
    assert (gap["source"], gap["what"], gap["count"]) == ("cgroups", "kills_unexplained", 1)
    box.go()

"""
What the kernel counts, beside what it writes.
"""

import time

import pytest

from sinks.event import Cause
from tests.live.conftest import TRACES
from tests.live.lab.agent import Agent
from tests.live.lab.lab import Lab
from tests.live.lab.traces import Traces

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]
# One look at the counters, and the wait for late evidence after it.
COMPARED_S = 5 + 4 + 2


def test_every_counted_kill_is_explained(lab: Lab, agent: Agent, request: pytest.FixtureRequest) -> None:
    """
    The counter of a container that lives on went up, and the kills are known: nothing is said of lost evidence.
    """
    request.node.stash[TRACES] = Traces(agent=agent, client=lab.client)
    box = lab.run("fork:1", "eat:64", "end", "wait", "hold", limit_mib=32)
    box.hold()
    time.sleep(COMPARED_S)
    of_box = [event for event in agent.events() if event["subject"] == f"container/{box.id}"]
    assert [event["type"] for event in of_box] == ["exit137.oom_kill"]
    box.go()
    box.died(Cause.EXIT, 0)


def test_what_no_log_tells_is_still_counted(lab: Lab, engine_agent_without_logs: Agent) -> None:
    """
    Without the kernel's log the counter alone knows of a kill in a container that lives on.
    """
    agent = engine_agent_without_logs
    box = lab.run("fork:1", "eat:64", "end", "wait", "hold", limit_mib=32)
    box.hold()
    agent.wait_for(
        lambda events: any(
            event["type"] == "exit137.agent"
            and event["subject"] == f"container/{box.id}"
            and event["data"]["exit137"]["gap"] | {"from": 0, "to": 0}
            == {"source": "cgroups", "what": "kills_unexplained", "count": 1, "from": 0, "to": 0}
            for event in events
        ),
        COMPARED_S + 10,
        "the unexplained kill is told",
    )
    box.go()

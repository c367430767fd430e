"""
Many OOM kills at once: the kernel drops most of the lines that name a container, and no kill may be lost for it.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sinks.event import rfc3339
from tests.live.conftest import TRACES
from tests.live.lab.agent import Agent
from tests.live.lab.engine import Engine
from tests.live.lab.host import few_pids
from tests.live.lab.lab import Lab
from tests.live.lab.scenario import SETTLED_S
from tests.live.lab.storm import attributed, make_storm
from tests.live.lab.traces import Traces
from tests.live.lab.waiting import wait_until

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]
CONTAINERS = 64
CHILDREN = 6
TOLD_S = 20.0


def test_every_kill_of_a_storm_is_told_once_in_its_container(
    lab: Lab, agent: Agent, request: pytest.FixtureRequest
) -> None:
    """
    All of them, none made up, none twice; most of the children live only for milliseconds.
    """
    request.node.stash[TRACES] = Traces(agent=agent, client=lab.client)
    began = rfc3339(time.time_ns())
    truth = make_storm(lab, CONTAINERS, CHILDREN)
    assert truth.total() == CONTAINERS * CHILDREN
    wait_until(lambda: not attributed(agent.events(), truth, began).untold, TOLD_S, "every kill is told")
    time.sleep(SETTLED_S)
    found = attributed(agent.events(), truth, began)
    assert (found.right, found.wrong, found.twice, found.invented) == (truth.total(), 0, 0, 0)


def test_pids_that_are_soon_used_again(lab: Lab, agent: Agent, request: pytest.FixtureRequest) -> None:
    """
    The pid of a dead process is another's, in another container or in none, a second later.
    """
    request.node.stash[TRACES] = Traces(agent=agent, client=lab.client)
    began = rfc3339(time.time_ns())
    with few_pids(900):
        truth = make_storm(lab, 12, 3 * CHILDREN)
    wait_until(lambda: not attributed(agent.events(), truth, began).untold, TOLD_S, "every kill is told")
    time.sleep(SETTLED_S)
    found = attributed(agent.events(), truth, began)
    assert (found.right, found.wrong, found.twice, found.invented) == (truth.total(), 0, 0, 0)
    assert len({pid for pid, _ in truth}) < truth.total()


def test_an_agent_that_comes_and_goes_in_a_storm_tells_what_it_missed(
    engine: Engine, lab: Lab, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """
    Started in the middle and restarted a moment later: no kill is lost, told twice or put in a wrong container, and
    the time in which no process was followed is told.
    """
    agent = Agent(tmp_path, engine.url)
    request.node.stash[TRACES] = Traces(agent=agent, client=lab.client)
    began = rfc3339(time.time_ns())
    with ThreadPoolExecutor(1) as pool:
        storm = pool.submit(make_storm, lab, 32, CHILDREN)
        time.sleep(4)
        agent.start()
        time.sleep(1)
        agent.stop()
        agent.start()
        truth = storm.result()
    try:
        wait_until(lambda: not attributed(agent.events(), truth, began).untold, TOLD_S, "every kill is told")
        time.sleep(SETTLED_S)
        found = attributed(agent.events(), truth, began)
        gaps = [event["data"]["exit137"]["gap"] for event in agent.events() if event["type"] == "exit137.agent"]
    finally:
        agent.stop()
    assert (found.wrong, found.twice, found.invented) == (0, 0, 0)
    assert {"processes", "trace"} <= {gap["source"] for gap in gaps if gap["what"] == "not_watched"}

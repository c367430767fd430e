"""
Tests of many OOM kills at once, when the kernel drops most of the lines that name a container.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sinks.event import rfc3339
from tests.lab.agent import Agent
from tests.lab.engine import Engine
from tests.lab.host import few_pids
from tests.lab.lab import Lab
from tests.lab.scenario import SETTLED_S
from tests.lab.storm import attributed, make_storm
from tests.lab.traces import Traces
from tests.lab.waiting import wait_until
from tests.live.conftest import TRACES

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]
CONTAINERS = 64
CHILDREN = 6
PUBLISHED_S = 20.0


def test_every_kill_of_a_storm_is_published_once_in_its_container(
    lab: Lab, agent: Agent, request: pytest.FixtureRequest
) -> None:
    """
    All kills of a storm are published once, none is invented, although most children live only for milliseconds.
    """
    request.node.stash[TRACES] = Traces(agent=agent, client=lab.client)
    began = rfc3339(time.time_ns())
    truth = make_storm(lab, CONTAINERS, CHILDREN)
    assert truth.total() == CONTAINERS * CHILDREN
    wait_until(lambda: not attributed(agent.events(), truth, began).missing, PUBLISHED_S, "every kill is published")
    time.sleep(SETTLED_S)
    found = attributed(agent.events(), truth, began)
    assert (found.right, found.wrong, found.duplicate, found.invented) == (truth.total(), 0, 0, 0)


def test_pids_that_are_soon_used_again(lab: Lab, agent: Agent, request: pytest.FixtureRequest) -> None:
    """
    Kills are attributed correctly even if the pid of a dead process is used again, anywhere, a second later.
    """
    request.node.stash[TRACES] = Traces(agent=agent, client=lab.client)
    began = rfc3339(time.time_ns())
    with few_pids(900):
        truth = make_storm(lab, 12, 3 * CHILDREN)
    wait_until(lambda: not attributed(agent.events(), truth, began).missing, PUBLISHED_S, "every kill is published")
    time.sleep(SETTLED_S)
    found = attributed(agent.events(), truth, began)
    assert (found.right, found.wrong, found.duplicate, found.invented) == (truth.total(), 0, 0, 0)
    assert len({pid for pid, _ in truth}) < truth.total()


def test_an_agent_that_restarts_in_a_storm_publishes_what_it_missed(
    engine: Engine, lab: Lab, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """
    An agent started and restarted in a storm loses no kill, publishes none twice or in a wrong container, and reports
    the time that it missed.
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
        wait_until(lambda: not attributed(agent.events(), truth, began).missing, PUBLISHED_S, "every kill is published")
        time.sleep(SETTLED_S)
        found = attributed(agent.events(), truth, began)
        gaps = [event["data"]["exit137"]["gap"] for event in agent.events() if event["type"] == "exit137.agent"]
    finally:
        agent.stop()
    assert (found.wrong, found.duplicate, found.invented) == (0, 0, 0)
    assert {"processes", "trace"} <= {gap["source"] for gap in gaps if gap["what"] == "not_watched"}

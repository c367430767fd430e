"""
Many OOM kills at once: the kernel drops most of the lines that name a container, and no kill may be lost for it.
"""

import time

import pytest

from sinks.event import rfc3339
from tests.live.conftest import TRACES
from tests.live.lab.agent import Agent
from tests.live.lab.lab import Lab
from tests.live.lab.scenario import SETTLED_S
from tests.live.lab.storm import attributed, make_storm
from tests.live.lab.traces import Traces
from tests.live.lab.waiting import wait_until

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]
CHILDREN = 6
TOLD_S = 20.0


@pytest.mark.parametrize("containers", [16, 64])
def test_every_kill_of_a_storm_is_told_once_in_its_container(
    containers: int, lab: Lab, agent: Agent, request: pytest.FixtureRequest
) -> None:
    """
    All of them, none made up, none twice; most of the children live only for milliseconds.
    """
    request.node.stash[TRACES] = Traces(agent=agent, client=lab.client)
    began = rfc3339(time.time_ns())
    truth = make_storm(lab, containers, CHILDREN)
    assert len(truth) == containers * CHILDREN
    wait_until(lambda: not attributed(agent.events(), truth, began).untold, TOLD_S, "every kill is told")
    time.sleep(SETTLED_S)
    found = attributed(agent.events(), truth, began)
    assert (found.right, found.wrong, found.twice, found.invented) == (len(truth), 0, 0, 0)

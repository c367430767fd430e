"""
A kill at a limit above several containers names the container that took the memory, not the victim.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.lab.agent import Agent
from tests.lab.box import Box
from tests.lab.engine import Engine
from tests.lab.host import limited_parent
from tests.lab.lab import Lab

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]
MIB: Final = 1 << 20
LIMIT_MIB: Final = 160
# Grows by 4 MiB a second until the limit above it is reached.
GROWER: Final = ("eat:8", "sleep:12000", *("eat:4", "sleep:1000") * 60, "sleep:60000")
# The kernel prefers this one: oom_score_adj 1000 makes it as large as the limit.
VICTIM: Final = ("eat:20", "sleep:180000")
PUBLISHED_S: Final = 120.0


@pytest.fixture
def agent(engine: Engine, tmp_path: Path) -> Iterator[Agent]:
    """
    An agent that samples every half second.
    """
    agent = Agent(tmp_path, engine.url, more="[sources.memory]\ninterval_s = 0.5\n")
    agent.start()
    yield agent
    agent.stop()


def events(agent: Agent, box: Box, kind: str) -> list[dict[str, Any]]:
    subject = f"container/{box.id}"
    return [event for event in agent.events() if event["subject"] == subject and event["type"] == f"exit137.{kind}"]


def test_a_neighbour_that_grew_is_named_instead_of_the_victim(agent: Agent, lab: Lab) -> None:
    """
    The event of the victim and its death name the container that grew below the same limit.
    """
    with limited_parent(lab.client, LIMIT_MIB * MIB) as parent:
        victim = lab.run(*VICTIM, cgroup_parent=parent, oom_score_adj=1000)
        grower = lab.run(*GROWER, cgroup_parent=parent)
        agent.wait_for(lambda _: bool(events(agent, victim, "container_death")), PUBLISHED_S, "the victim died")
        grower.container.kill()
        lab.close()
    (kill,) = events(agent, victim, "oom_kill")
    (death,) = events(agent, victim, "container_death")
    data = kill["data"]["exit137"]
    assert data["oom"]["scope"] == "parent"
    culprit = data["culprit"]
    assert (culprit["container_id"], culprit["name"], culprit["victim"]) == (grower.id, grower.name, False)
    assert (culprit["basis"], culprit["confidence"]) == ("growth", "likely")
    assert 80 * MIB < culprit["grew_bytes"] < LIMIT_MIB * MIB
    assert 80 * MIB < culprit["working_set_bytes"] < LIMIT_MIB * MIB
    assert f'"{victim.name}", whose process was killed, was not the cause' in kill["data"]["message"]
    assert death["data"]["exit137"]["culprit"] == culprit

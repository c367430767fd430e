"""
A storm on a host that leaves the agent no CPU: events may be late, but each kill is published once, in its container,
and nothing is called forged or lost that is not.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

import pytest

from sinks.event import EventType, rfc3339
from tests.lab.agent import Agent
from tests.lab.engine import Engine
from tests.lab.lab import Lab
from tests.lab.starvation import busy_cores, frozen, starved
from tests.lab.storm import attributed, make_storm
from tests.lab.traces import Traces
from tests.lab.truth import alarms
from tests.live.conftest import TRACES

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]
CONTAINERS: Final = 16
CHILDREN: Final = 6
CATCH_UP_S: Final = 10.0

Starve = Callable[[int], AbstractContextManager[None]]


@contextmanager
def idle(pid: int) -> Iterator[None]:
    del pid
    yield


WAYS: Final[dict[str, Starve]] = {
    "100 %": idle,
    "10 %": lambda pid: starved(pid, 10),
    "4 %": lambda pid: starved(pid, 4),
    "1 %": lambda pid: starved(pid, 1),
    "frozen": lambda pid: frozen(pid, 20),
    "busy": lambda _pid: busy_cores(4),
}


# Each way takes a minute, and CI has an hour: the ways that are easy for the agent are `long`.
_EASY: Final = frozenset({"100 %", "10 %"})


@pytest.mark.parametrize("way", [pytest.param(way, marks=pytest.mark.long) if way in _EASY else way for way in WAYS])
def test_a_starved_agent_is_late_with_the_truth(
    way: str, engine: Engine, lab: Lab, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """
    Each kill once, in its container, each death with its cause; the last event 10 s after the load is gone.
    """
    agent = Agent(tmp_path, engine.url)
    request.node.stash[TRACES] = Traces(agent=agent, client=lab.client)
    agent.start()
    agent.wait_until_quiet()  # the journal of earlier tests has been read
    try:
        began = rfc3339(time.time_ns())
        truth = make_storm(lab, CONTAINERS, CHILDREN, during=lambda: WAYS[way](agent.pid))
        relieved_s = time.monotonic()
        last_s = agent.wait_until_quiet()
        found = attributed(agent.events(), truth, began)
        deaths = [
            (event["data"]["exit137"]["cause"], event["data"]["container"]["id"])
            for event in agent.events()
            if event["type"] == EventType.CONTAINER_DEATH and event["time"] >= began
        ]
    finally:
        agent.stop()
    assert (found.right, found.wrong, found.duplicate, found.invented) == (truth.total(), 0, 0, 0)
    assert alarms(agent.events(), began) == []
    assert sorted(deaths) == sorted(("exit", container) for container in {container for _, container in truth})
    assert last_s - relieved_s < CATCH_UP_S

"""
Many OOM kills at once: the kernel's rate limit drops most of the reports, and no kill may be lost for it.
"""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sinks.event import Cause, EventType, rfc3339
from tests.live.conftest import TRACES
from tests.live.lab.agent import Agent
from tests.live.lab.box import Box
from tests.live.lab.lab import Lab
from tests.live.lab.scenario import settle
from tests.live.lab.traces import Traces

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]
CONTAINERS = 16
CHILDREN = 6
NAME = "stormy"


def test_every_kill_of_a_storm_is_told_once(lab: Lab, agent: Agent, request: pytest.FixtureRequest) -> None:
    """
    16 containers lose 6 children each within seconds. Every kill is told once, none is made up, and where a
    container is named it is the right one.
    """
    request.node.stash[TRACES] = Traces(agent=agent, client=lab.client)
    began = rfc3339(time.time_ns())
    child = (f"fork:{CHILDREN}", f"name:{NAME}", "hold", "eat:64", "end", "wait")
    boxes = [lab.run(*child, "exit:0", limit_mib=48) for _ in range(CONTAINERS)]
    held = {box: box.hold(CHILDREN) for box in boxes}
    with ThreadPoolExecutor(CONTAINERS) as pool:
        list(pool.map(Box.go, boxes))
    settle(agent, [box.died(Cause.EXIT, 0) for box in boxes])
    told = list(victims(agent.events(), began))
    owners = {process.pid: box.id for box in boxes for process in held[box]}
    assert Counter(victim["pid"] for victim in told) == Counter(owners.keys())
    named = {victim["pid"]: victim["container_id"] for victim in told if "container_id" in victim}
    assert named.items() <= owners.items()


def victims(events: list[dict[str, Any]], began: str) -> Iterator[dict[str, Any]]:
    """
    Give the victims of this storm; the kernel's log may hold earlier ones.
    """
    for event in events:
        if event["type"] == EventType.OOM_KILL and event["time"] > began:
            found = event["data"]["exit137"]["oom"]["victims"]
            yield from (victim for victim in found if victim.get("name") == NAME)

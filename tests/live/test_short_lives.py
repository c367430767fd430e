"""
Many containers that end within 100 ms of their start and are removed at once: each death has its cause, and each kill
is published once, in its container.
"""

import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from sinks.event import rfc3339
from tests.lab.agent import Agent
from tests.lab.engine import Engine
from tests.lab.lab import Lab
from tests.lab.scenario import SETTLED_S
from tests.lab.short_lives import live_shortly, mistakes
from tests.lab.traces import Traces
from tests.lab.truth import alarms
from tests.lab.waiting import wait_until
from tests.live.conftest import TRACES

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]
# bench/short_lives.py runs 5,000, and with fewer sources.
CONTAINERS: Final = 500
# A verdict waits up to 60 s for a source that is behind.
PUBLISHED_S: Final = 70.0


def test_every_death_of_a_short_life_has_its_cause(
    engine: Engine, lab: Lab, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """
    Every cause of a container that dies right after its start is right, every kill is in its container, once, and
    nothing is called forged or lost.
    """
    agent = Agent(tmp_path, engine.url)
    traces = request.node.stash[TRACES] = Traces(agent=agent, client=lab.client)
    agent.start()
    try:
        agent.wait_until_quiet()
        began, began_s = rfc3339(time.time_ns()), time.monotonic()
        lives = live_shortly(lab, CONTAINERS)
        lived_s = time.monotonic() - began_s
        traces.until_s = time.time()
        with suppress(TimeoutError):  # what is missing is listed below
            wait_until(lambda: not mistakes(agent.events(), lives, began), PUBLISHED_S, "all is published")
        time.sleep(SETTLED_S)
    finally:
        agent.stop()
    wrong = mistakes(agent.events(), lives, began)
    request.node.add_report_section("call", "figures", f"{CONTAINERS} containers in {lived_s:.0f} s")
    assert {f"{short.life.name} {short.box.id}": words for short, words in wrong.items()} == {}
    assert alarms(agent.events(), began) == []

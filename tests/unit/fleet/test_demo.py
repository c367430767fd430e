"""
The demonstration: a simulated fleet in a hub's store, as if it had just happened.
"""

import asyncio
from pathlib import Path

from collector.store import Store
from fleet.demo import DemoClock, play
from fleet.incidents.detector import Detector
from fleet.intake import FleetIntake
from fleet.simulation import Scenario
from tests.shared.hub_events import BEGIN_NS, SECOND

DAY_NS = 86_400 * SECOND
SCENARIO = Scenario(seed=2, hosts=12, services=8, days=2.0, shares=(0.5,), host_failures=28.0)


async def test_the_story_ends_now_and_opens_incidents(tmp_path: Path) -> None:
    """
    Its events lie in the days before, and the clock goes on after it.
    """
    clock = DemoClock()
    store = await Store.open(tmp_path / "hub.db")
    intake = FleetIntake(store, Detector(), [], wall_ns=clock)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(intake.run())
        await play(intake, clock, SCENARIO, BEGIN_NS)
        running.cancel()
    events = await store.events(limit=-1)
    await store.aclose()
    assert min(event.time_ns for event in events) > BEGIN_NS - 2 * DAY_NS
    assert BEGIN_NS - DAY_NS / 2 < max(event.time_ns for event in events) < BEGIN_NS + DAY_NS / 10
    assert any(event.type == "exit137.fleet_incident" for event in events)
    assert clock.at_ns is None

"""
Flink's task manager is killed with SIGKILL again and again while the job reads 200,000 events.
"""

import random
import time
from pathlib import Path
from typing import Final

import orjson
import pytest

from fleet.simulation import Scenario
from tests.flink.flink import cluster, job_arguments
from tests.flink.story import incidents_of_the_hub, story, write
from tests.kafka.broker import broker
from tests.kafka.reader import read
from tests.lab.waiting import wait_until

_EVENTS: Final = 200_000
_MOST_KILLS: Final = 8
_FEWEST_KILLS: Final = 3
_PAUSES_S: Final = (8.0, 25.0)
_END_S: Final = 2400.0
_FLEET: Final = Scenario(
    seed=137, hosts=100, services=30, days=14.0, status_interval_s=300.0, host_failures=7.0, storms=5.0, neighbours=5.0
)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_incidents_are_those_of_an_undisturbed_run(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """
    What is written twice has equal ids and equal content, so that a consumer drops it; nothing is missing.
    """
    rng = random.Random(137)  # noqa: S311 (no secret)
    events = story(_FLEET, _EVENTS)
    expected = incidents_of_the_hub(events)
    home = tmp_path / "broker"
    home.mkdir()
    with broker(home) as bus, cluster(tmp_path / "flink") as flink:
        write(bus, "events", events)
        bus.create("incidents", **{"retention.ms": "-1"})
        flink.submit(job_arguments(bus.address(), "events", "incidents", tmp_path / "checkpoints"))
        kills = 0
        while kills < _MOST_KILLS and "FINISHED" not in flink.states():
            time.sleep(rng.uniform(*_PAUSES_S))
            flink.kill("taskmanager")
            flink.start("taskmanager")
            kills += 1
        wait_until(lambda: "FINISHED" in flink.states(), _END_S, "the job is at the end of the topic")
        arrived = [orjson.loads(found.value) for found in read(bus.address(), "incidents", len(expected))]
    repeated = len(arrived) - len({incident["id"] for incident in arrived})
    request.node.add_report_section("call", "figures", f"{kills} kills, {len(arrived)} records, {repeated} repeated")
    assert kills >= _FEWEST_KILLS
    assert {incident["id"]: incident for incident in arrived} == expected
    assert all(incident == expected[incident["id"]] for incident in arrived)

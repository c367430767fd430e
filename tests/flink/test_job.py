"""
The job on Flink finds what the hub finds. About a minute, most of it the start of Flink.
"""

from pathlib import Path
from typing import Final

import orjson

from fleet.simulation import Scenario
from tests.flink.flink import job_arguments, run_here
from tests.flink.story import incidents_of_the_hub, story, write
from tests.kafka.broker import broker
from tests.kafka.reader import read

_RUN_S: Final = 300.0
_EVENTS: Final = 4000
_FLEET: Final = Scenario(
    seed=137, hosts=30, services=10, days=3.0, host_failures=7.0, storms=5.0, neighbours=5.0, repeated_share=0.1
)


def test_the_job_finds_what_the_hub_finds(tmp_path: Path) -> None:
    """
    The same incidents with the same ids and figures, from records of both forms in three partitions.
    """
    events = story(_FLEET, _EVENTS)
    expected = incidents_of_the_hub(events)
    assert {incident["data"]["exit137"]["fleet"]["state"] for incident in expected.values()} >= {"open", "resolved"}
    with broker(tmp_path) as bus:
        write(bus, "events", events)
        bus.create("incidents", **{"retention.ms": "-1"})
        run_here(job_arguments(bus.address(), "events", "incidents", tmp_path / "checkpoints"), _RUN_S)
        arrived = [orjson.loads(found.value) for found in read(bus.address(), "incidents", len(expected))]
    assert sorted(incident["id"] for incident in arrived) == sorted(expected)
    assert {incident["id"]: incident for incident in arrived} == expected

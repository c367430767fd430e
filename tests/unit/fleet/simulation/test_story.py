"""
The simulated fleet.
"""

from itertools import islice

from jsonschema import Draft202012Validator

from fleet.simulation import Scenario, simulate
from tests.unit.sinks.test_event_schema import SCHEMA

SMALL = Scenario(hosts=12, services=6, days=3.0, shares=(0.5, 1.0), host_failures=14.0, neighbours=7.0)


def test_the_same_seed_gives_the_same_events() -> None:
    """
    And the same truth.
    """
    first, second = simulate(SMALL), simulate(SMALL)
    assert list(islice(first[0], 2000)) == list(islice(second[0], 2000))
    assert first[1] == second[1]


def test_events_arrive_in_order() -> None:
    """
    Late and repeated ones where they arrive.
    """
    times = [arrival.at_ns for arrival in simulate(SMALL)[0]]
    assert times == sorted(times)


def test_events_follow_the_schema() -> None:
    """
    One of each type at least.
    """
    validator = Draft202012Validator(SCHEMA)
    found = {}
    for arrival in simulate(SMALL)[0]:
        found.setdefault(arrival.event["type"], arrival.event)
    assert {"exit137.host_status", "exit137.container_death", "exit137.oom_kill"} <= set(found)
    for event in found.values():
        event["data"]["exit137"].pop("culprit", None)
        assert list(validator.iter_errors(event)) == []


def test_statuses_add_up_to_the_time_that_containers_ran() -> None:
    """
    Repeated ones apart, no second is counted twice.
    """
    scenario = Scenario(hosts=4, services=1, days=2.0, shares=(1.0,), silent_hosts=0.0, repeated_share=0.0)
    ran_s = sum(
        service["container_seconds"]
        for arrival in simulate(scenario)[0]
        if arrival.event["type"] == "exit137.host_status"
        for service in arrival.event["data"]["exit137"]["status"]["services"]
    )
    replicas = {
        service["running"]
        for arrival in simulate(scenario)[0]
        if arrival.event["type"] == "exit137.host_status"
        for service in arrival.event["data"]["exit137"]["status"]["services"]
    } - {0}
    assert len(replicas) == 1
    whole_s = 4 * replicas.pop() * 2 * 86_400.0
    assert 0.95 * whole_s < ran_s <= whole_s

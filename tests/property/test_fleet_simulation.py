"""
What the detectors find in simulated fleets, with fixed seeds. `python bench/fleet.py` does the same at length.
"""

import pytest

from fleet.incidents import Detector
from fleet.simulation import Scenario, TruthKind, simulate
from tests.shared.fleet_score import run

DAYS = 14.0
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", [1, 2])
def test_a_fleet_in_which_only_planned_things_go_wrong_has_no_false_incident(seed: int) -> None:
    """
    Deploys, canaries, rollbacks, crash loops, days and nights, late and repeated events: none is an incident.
    """
    scenario = Scenario(
        seed=seed,
        hosts=20,
        services=8,
        days=DAYS,
        shares=(0.3, 0.6),
        deploys=3.0,
        regressions=0.0,
        crash_loops=7.0,
        bad_canaries=0.5,
        host_failures=0.0,
        neighbours=0.0,
        storms=0.0,
        silent_hosts=0.0,
        status_interval_s=7200.0,
    )
    arrivals, truths = simulate(scenario)
    score = run(arrivals, truths, Detector())
    assert score.events > 1000
    assert (score.false, score.wrong) == ([], [])


def test_what_goes_wrong_is_found_and_blamed_on_the_right_thing() -> None:
    """
    Failing hosts within a minute; regressions, neighbours, storms and silent hosts.
    """
    scenario = Scenario(
        seed=3,
        hosts=20,
        services=10,
        days=DAYS,
        shares=(0.5,),
        regressions=0.5,
        ratios=(14.0,),
        host_failures=4.0,
        neighbours=2.0,
        storms=2.0,
        silent_hosts=2.0,
        status_interval_s=7200.0,
    )
    arrivals, truths = simulate(scenario)
    score = run(arrivals, truths, Detector())
    assert (score.false, score.wrong) == ([], [])
    for kind in (TruthKind.HOST_CAUSE, TruthKind.NEIGHBOUR, TruthKind.STORM):
        assert score.missed(truths, kind) == []
    assert max(found_s for truth, found_s in score.found.items() if truth.kind is TruthKind.HOST_CAUSE) <= 60
    assert len(score.deaths_until_found(14.0)) >= 3

"""
Tests that make every cause of a death happen that is possible on one running engine, and compare the events.
"""

from collections.abc import Mapping

import pytest

from tests.lab.agent import Agent
from tests.lab.lab import Lab
from tests.lab.scenario import Performance, Scenario, perform, wait_for_events
from tests.lab.truth import compare
from tests.live.conftest import TRACES
from tests.live.scenarios.docker_commands import DOCKER_COMMANDS
from tests.live.scenarios.exits import EXITS
from tests.live.scenarios.oom import OOM
from tests.live.scenarios.oom_child import OOM_CHILD
from tests.live.scenarios.outside import OUTSIDE

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]  # the first test waits for all scenarios
SCENARIOS = (*EXITS, *OOM, *OOM_CHILD, *DOCKER_COMMANDS, *OUTSIDE)


@pytest.fixture(scope="module")
def performances(request: pytest.FixtureRequest, lab: Lab, agent: Agent) -> Mapping[Scenario, Performance]:
    """
    Perform the scenarios of all selected tests, one after the other.
    """
    selected = {
        item.callspec.params["scenario"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == request.path and hasattr(item, "callspec")
    }
    done = {scenario: perform(scenario, lab, agent) for scenario in SCENARIOS if scenario in selected}
    wait_for_events(agent, [truth for performance in done.values() for truth in performance.truths])
    return done


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.__name__ for scenario in SCENARIOS])
def test_the_agent_publishes_what_happened(
    scenario: Scenario,
    performances: Mapping[Scenario, Performance],
    agent: Agent,
    request: pytest.FixtureRequest,
) -> None:
    """
    Each death is published once, with cause, exit code and name, and each kill once, with pid, name and limit.
    """
    performance = performances[scenario]
    request.node.stash[TRACES] = performance.traces
    if performance.error is not None:
        raise performance.error
    events = agent.events()
    assert [problem for truth in performance.truths for problem in compare(events, truth)] == []

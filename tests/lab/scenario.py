"""
Performs scenarios one after the other while one agent runs.

The agent needs a while for each verdict. So all scenarios are performed first, each in its own containers, and compared
with the events afterwards.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from tests.lab.agent import Agent
from tests.lab.lab import Lab
from tests.lab.traces import Traces
from tests.lab.truth import Truth, is_complete

Scenario: TypeAlias = Callable[[Lab], list[Truth]]

# Longer than any verdict waits for late evidence: a duplicate would be published within this time.
SETTLED_S: Final = 4.0
_VERDICTS_S: Final = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """
    A scenario that has been performed.

    Attributes:
        truths: what happened, per container.
        error: why it could not be performed; None if it was.
        traces: the logs and events of that time.
    """

    truths: Sequence[Truth]
    error: Exception | None
    traces: Traces


def perform(scenario: Scenario, lab: Lab, agent: Agent) -> Performance:
    """
    Perform a scenario; an error is kept for the test of that scenario.
    """
    traces = Traces(agent=agent, client=lab.client)
    truths: list[Truth] = []
    error: Exception | None = None
    try:
        truths = scenario(lab)
    except Exception as caught:  # noqa: BLE001 (one scenario that fails must not hide the others)
        error = caught
    traces.until_s = time.time()
    return Performance(truths=truths, error=error, traces=traces)


def wait_for_events(agent: Agent, truths: Sequence[Truth]) -> None:
    """
    Wait until everything has been published, for 15 s at most; then wait for duplicates.
    """
    deadline = time.monotonic() + _VERDICTS_S
    while time.monotonic() < deadline and not all(is_complete(agent.events(), truth) for truth in truths):
        time.sleep(0.1)
    time.sleep(SETTLED_S)

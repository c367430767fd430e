"""
A scenario, and how many of them are performed one after the other under the eyes of one agent.

The agent needs a while for each verdict. So all scenarios happen first, each in its own containers, and are
judged together afterwards; nobody waits for a verdict in between.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from tests.live.lab.agent import Agent
from tests.live.lab.lab import Lab
from tests.live.lab.traces import Traces
from tests.live.lab.truth import Truth, told

Scenario: TypeAlias = Callable[[Lab], list[Truth]]

# Longer than any verdict waits for late evidence; what is told twice is told within it.
SETTLED_S: Final = 4.0
_VERDICTS_S: Final = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """
    A scenario that has happened.

    Attributes:
        truths: one per container.
        error: why it could not be performed.
        traces: what it left.
    """

    truths: Sequence[Truth]
    error: Exception | None
    traces: Traces


def perform(scenario: Scenario, lab: Lab, agent: Agent) -> Performance:
    """
    Make a scenario happen; an error is kept for the test that asks for it.
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


def settle(agent: Agent, truths: Sequence[Truth]) -> None:
    """
    Wait until all has been told, or time is up, and then for what might be told twice.
    """
    deadline = time.monotonic() + _VERDICTS_S
    while time.monotonic() < deadline and not all(told(agent.events(), truth) for truth in truths):
        time.sleep(0.1)
    time.sleep(SETTLED_S)

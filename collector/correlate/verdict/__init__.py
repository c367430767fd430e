"""
Why a run ended: a pure function from the facts of one run to (cause, confidence, evidence).

The rules stand in `oom`, `docker` and `exits`, one a function; `decide` asks them in the order of how much they
prove. What never proves anything by itself: exit code 137, State.OOMKilled (in either direction), a `kill` event
after the end.
"""

from collections.abc import Callable
from typing import Final

from collector.correlate.verdict import docker, exits, oom
from collector.correlate.verdict.case import Case, Verdict

__all__ = ["Case", "Verdict", "decide"]

Rule = Callable[[Case], Verdict | None]

# A rule stands before another when its evidence explains the end even if the other's evidence is there as well.
RULES: Final[tuple[Rule, ...]] = (
    exits.never_started,
    oom.main_process_killed,
    oom.killed_by_user_space,
    exits.host_went_down,
    docker.daemon_went_down,
    docker.stopped,
    docker.removed,
    docker.killed,
    oom.unplaced_process_killed,
    oom.child_killed,
    oom.docker_says_so,
    exits.crashed,
    exits.signalled,
    exits.ended_by_itself,
)


def decide(case: Case) -> Verdict:
    """
    The verdict on one run.
    """
    for rule in RULES:
        verdict = rule(case)
        if verdict is not None:
            return verdict
    return exits.unknown(case)

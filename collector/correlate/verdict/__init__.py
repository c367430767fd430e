"""
Decide why a run ended: a pure function from the case of one run to its cause, confidence and evidence.

The rules are in `oom`, `docker` and `exits`, one function each; `decide` tries them in the order of how much they
prove. Some things never prove anything by themselves: exit code 137, State.OOMKilled (in either direction), and a
`kill` event after the end.
"""

from collections.abc import Callable
from typing import Final

from collector.correlate.verdict import docker, exits, oom
from collector.correlate.verdict.case import Case, Verdict

__all__ = ["Case", "Verdict", "decide"]

Rule = Callable[[Case], Verdict | None]

# A rule comes before another when its evidence explains the end even if the other's evidence is there as well.
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
    Return the verdict of the first rule that applies.
    """
    for rule in RULES:
        verdict = rule(case)
        if verdict is not None:
            return verdict
    return exits.unknown(case)

"""
Decide why a run ended: a pure function from the case of one run to its cause, confidence and evidence.

The rules are in `oom`, `docker`, `podman` and `exits`, one function each; `decide` tries them in the order of how much
they prove. Some things never prove anything by themselves: exit code 137, State.OOMKilled (in either direction), and a
`kill` event after the end.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from collector.correlate.verdict import docker, exits, oom, podman
from collector.correlate.verdict.case import Case, Verdict
from sinks.event import Cause, Confidence

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


# Podman has no daemon that goes down, and its events say less.
PODMAN_RULES: Final[tuple[Rule, ...]] = (
    exits.never_started,
    oom.main_process_killed,
    oom.killed_by_user_space,
    exits.host_went_down,
    podman.stopped_with_unit,
    podman.stopped,
    podman.removed,
    podman.killed,
    oom.unplaced_process_killed,
    oom.child_killed,
    podman.killed_by_command,
    oom.docker_says_so,
    exits.crashed,
    exits.signalled,
    exits.ended_by_itself,
)
# What an engine of a user says is never certain: the user can make it say anything. What the kernel saw is.
_SEEN_BY_KERNEL: Final = frozenset({Cause.EXIT, Cause.APP_ERROR, Cause.CRASH, Cause.OOM_KILL, Cause.SIGNAL})


def decide(case: Case) -> Verdict:
    """
    Return the verdict of the first rule that applies.
    """
    verdicts = (rule(case) for rule in (PODMAN_RULES if case.is_podmans else RULES))
    verdict = next((verdict for verdict in verdicts if verdict is not None), None) or exits.unknown(case)
    if case.is_unreported:
        return _without_engine(verdict)
    if verdict.confidence is Confidence.CERTAIN and case.engine is not None and case.engine.is_of_user:
        return verdict if _is_proven(case, verdict) else replace(verdict, confidence=Confidence.LIKELY)
    return verdict


def _without_engine(verdict: Verdict) -> Verdict:
    """
    Return a verdict on a run of which no engine has said anything: a command may be missing, and so may be another run.
    """
    is_certain = verdict.confidence is Confidence.CERTAIN
    return replace(
        verdict,
        confidence=Confidence.LIKELY if is_certain else verdict.confidence,
        because=f"{verdict.because}; Podman did not report it",
    )


def _is_proven(case: Case, verdict: Verdict) -> bool:
    return verdict.cause in _SEEN_BY_KERNEL and case.wait_status is not None

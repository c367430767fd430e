"""
Verdict rules: an OOM killer had a part in the end.
"""

from typing import Final

from collector.correlate.runs import KillInRun
from collector.correlate.verdict.case import (
    SIGKILL,
    SIGTERM,
    Case,
    Verdict,
    evidence_of_event,
    evidence_of_kill,
)
from collector.correlate.wording import shown
from sinks.event import Cause, Confidence, Killer, Scope

# A parent notices a dead child within milliseconds and may take seconds to end; after half a minute it has reasons of
# its own.
_CHILD_SOON_S: Final = 5.0
_CHILD_LATE_S: Final = 30.0
# The kernel's line comes before the process is gone; clocks of kernel and Docker differ by tens of milliseconds.
_CLOCK_SLACK_S: Final = 1.0
_DOCKER_OOM_S: Final = 5.0


def main_process_killed(case: Case) -> Verdict | None:
    """
    The kernel's OOM killer killed the main process: nothing that came after can have been the cause.
    """
    for kill in _kernel_kills(case):
        if kill.main_process and case.may_be(SIGKILL) and _precedes_end(case, kill):
            return Verdict(
                cause=Cause.OOM_KILL,
                confidence=Confidence.CERTAIN if case.main_pid == kill.pid else Confidence.LIKELY,
                because=f"the kernel's OOM killer killed its main process{_named(kill)}{_whose(kill)}",
                evidence=(evidence_of_kill(kill),),
                scope=kill.scope,
                settled=True,
            )
    return None


def killed_by_user_space(case: Case) -> Verdict | None:
    """
    systemd-oomd, earlyoom or oomd killed the main process or the whole cgroup.
    """
    for kill in case.kills:
        ended_by_it = case.signal in (SIGKILL, SIGTERM, None) or kill.main_process
        if kill.killer is not Killer.KERNEL and kill.main_process is not False and ended_by_it and _soon(case, kill):
            return Verdict(
                cause=Cause.USER_SPACE_OOM,
                confidence=Confidence.CERTAIN if kill.main_process else Confidence.LIKELY,
                because=f"{kill.killer.value} killed it{_named(kill)} to free memory on the host",
                evidence=(evidence_of_kill(kill),),
                scope=kill.scope,
                settled=True,
            )
    return None


def unplaced_process_killed(case: Case) -> Verdict | None:
    """
    The kernel killed a process of the container just before the end by SIGKILL, and nobody knows which one it was.
    """
    for kill in _kernel_kills(case):
        if kill.main_process is None and case.signal == SIGKILL and _soon(case, kill):
            return Verdict(
                cause=Cause.OOM_KILL,
                confidence=Confidence.POSSIBLE,
                because=f"the kernel's OOM killer killed its process{_named(kill)}{_whose(kill)} just before",
                evidence=(evidence_of_kill(kill),),
                scope=kill.scope,
            )
    return None


def child_killed(case: Case) -> Verdict | None:
    """
    The kernel killed another process of the container, and the main process failed soon after.

    A kill that seemed to be of the main process counts as well: the exit code says that it was not.
    """
    if case.exit_code == 0:
        return None
    for kill in reversed(_kernel_kills(case)):
        seconds = case.before_end_s(kill.at_ns)
        if seconds is None or not -_CLOCK_SLACK_S <= seconds <= _CHILD_LATE_S:
            continue
        return Verdict(
            cause=Cause.OOM_KILL_CHILD,
            confidence=Confidence.LIKELY if seconds <= _CHILD_SOON_S else Confidence.POSSIBLE,
            because=f"its main process ended {_after(seconds)} the kernel's OOM killer had killed "
            f"its child{_named(kill)}{_whose(kill)}",
            evidence=(evidence_of_kill(kill),),
            scope=kill.scope,
        )
    return None


def docker_says_so(case: Case) -> Verdict | None:
    """
    Docker reported `oom` just before an end by SIGKILL, and there is no kernel line: it may be lost, or unreadable.
    """
    if case.signal != SIGKILL:
        return None
    for at_ns in reversed(case.oom_events_ns):
        seconds = case.before_end_s(at_ns)
        if seconds is not None and -_DOCKER_OOM_S <= seconds <= _DOCKER_OOM_S:
            return Verdict(
                cause=Cause.OOM_KILL,
                confidence=Confidence.POSSIBLE if case.kernel_log else Confidence.LIKELY,
                because="Docker reported an OOM in it at that moment; no line of the kernel log was seen",
                evidence=(evidence_of_event("oom", at_ns),),
            )
    return None


def _kernel_kills(case: Case) -> tuple[KillInRun, ...]:
    return tuple(kill for kill in case.kills if kill.killer is Killer.KERNEL)


def _precedes_end(case: Case, kill: KillInRun) -> bool:
    seconds = case.before_end_s(kill.at_ns)
    return seconds is None or seconds >= -_CLOCK_SLACK_S


def _soon(case: Case, kill: KillInRun) -> bool:
    seconds = case.before_end_s(kill.at_ns)
    return seconds is not None and -_CLOCK_SLACK_S <= seconds <= _CHILD_LATE_S


def _named(kill: KillInRun) -> str:
    return f' "{shown(kill.comm)}" (pid {kill.pid})' if kill.comm else f" (pid {kill.pid})" if kill.pid else ""


def _whose(kill: KillInRun) -> str:
    match kill.scope:
        case Scope.CONTAINER:
            return " at the container's own memory limit"
        case Scope.PARENT:
            return " at the memory limit of a cgroup above the container"
        case Scope.HOST:
            return " because the host ran out of memory"
        case None:
            return ""


def _after(seconds: float) -> str:
    return "right after" if seconds < 0.1 else f"{seconds:.1f} s after"  # noqa: PLR2004 (a tenth of a second)

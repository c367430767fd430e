"""
Verdict rules: an OOM killer caused the end, or may have.
"""

from typing import Final

from collector.correlate.kill_in_run import KillInRun
from collector.correlate.pid_observations import evidence_of
from collector.correlate.runs import CLOCK_SLACK_NS
from collector.correlate.verdict.case import (
    SIGKILL,
    SIGTERM,
    Case,
    Verdict,
    evidence_of_event,
    evidence_of_exit,
    evidence_of_kill,
)
from sinks.event import Cause, Confidence, Evidence, EvidenceSource, Killer, Scope
from sinks.text import printable

# A parent notices a dead child within milliseconds and may take seconds to exit; after half a minute the kill no longer
# explains its exit.
_CHILD_SOON_S: Final = 5.0
_CHILD_LATE_S: Final = 30.0
# The kernel prints the kill before the process is gone; the clocks of kernel and Docker differ by tens of milliseconds.
_CLOCK_SLACK_S: Final = 1.0
_DOCKER_OOM_S: Final = 5.0
# On a starved host Docker stamps an end up to 30 s late.
_STAMPED_WITHIN_S: Final = 60.0
_TERM: Final = "SIGTERM"
# How the limits of cgroup v1 are called; memory is the usual one.
_KINDS: Final = {"memory+swap": "memory+swap", "kmem": "kernel memory"}


def main_process_killed(case: Case) -> Verdict | None:
    """
    Decide for a kernel OOM kill of the main process: nothing that came later can have been the cause.
    """
    for kill in _kernel_kills(case):
        if kill.main_process and case.may_be(SIGKILL) and _ended_by(case, kill) and not _was_dying(case, kill):
            return Verdict(
                cause=Cause.OOM_KILL,
                confidence=Confidence.CERTAIN if case.main_pid == kill.pid else Confidence.LIKELY,
                because=f"the kernel's OOM killer killed its main process{_named(kill)}{_whose(kill)}",
                evidence=(evidence_of_kill(kill),),
                scope=kill.scope,
                final=True,
            )
    return None


def killed_by_user_space(case: Case) -> Verdict | None:
    """
    Decide for a kill of the main process or the whole cgroup by systemd-oomd, earlyoom, nohang, oomd or Talos.

    Only if the end can come from the signal that the program sends, and nobody else is known to have sent that signal.
    """
    for kill in case.kills:
        if kill.killer is Killer.KERNEL or kill.main_process is False or not _soon(case, kill):
            continue
        handled = _handled(case, kill)
        if (handled or any(map(case.may_be, _signals_of(kill)))) and not _sent_by_another(case, kill):
            return Verdict(
                cause=Cause.USER_SPACE_OOM,
                confidence=_confidence_in_program(case, kill),
                because=f"{kill.killer.value} {'terminated' if handled else 'killed'} it{_named(kill)} "
                "to free memory on the host" + (f", and it exited with code {case.exit_code}" if handled else ""),
                evidence=(evidence_of_kill(kill), *_evidence_of_author(case, kill), *evidence_of_exit(case)),
                scope=kill.scope,
            )
    return None


def unplaced_process_killed(case: Case) -> Verdict | None:
    """
    Decide for a kernel OOM kill in the container just before an end by SIGKILL, if its victim's role is not known.
    """
    for kill in _kernel_kills(case):
        if kill.main_process is None and case.signal == SIGKILL and _soon(case, kill):
            return Verdict(
                cause=Cause.OOM_KILL,
                confidence=Confidence.POSSIBLE,
                because=f"shortly before, the kernel's OOM killer killed its process{_named(kill)}{_whose(kill)}",
                evidence=(evidence_of_kill(kill),),
                scope=kill.scope,
            )
    return None


def child_killed(case: Case) -> Verdict | None:
    """
    Decide for a kernel OOM kill of another process of the container, soon after which the main process failed.

    A kill that seemed to be of the main process counts as well: the exit code shows that it was not.
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
            because=f"its main process exited {_after(seconds)} the kernel's OOM killer killed "
            f"its child process{_named(kill)}{_whose(kill)}",
            evidence=(evidence_of_kill(kill),),
            scope=kill.scope,
        )
    return None


def docker_says_so(case: Case) -> Verdict | None:
    """
    Decide for Docker's `oom` just before an end by SIGKILL; the kernel's line may be lost, or unreadable.
    """
    if case.signal != SIGKILL:
        return None
    for at_ns in reversed(case.oom_events_ns):
        seconds = case.before_end_s(at_ns)
        if seconds is not None and -_DOCKER_OOM_S <= seconds <= _DOCKER_OOM_S:
            return Verdict(
                cause=Cause.OOM_KILL,
                confidence=Confidence.POSSIBLE if case.kernel_log else Confidence.LIKELY,
                because="Docker reported an OOM in it at that moment, but no kernel log line was found",
                evidence=(evidence_of_event("oom", at_ns),),
            )
    return None


def _kernel_kills(case: Case) -> tuple[KillInRun, ...]:
    return tuple(kill for kill in case.kills if kill.killer is Killer.KERNEL)


def _ended_by(case: Case, kill: KillInRun) -> bool:
    """
    Return whether the run ended after a kill of its main process, and as soon as Docker stamps such an end.
    """
    seconds = case.before_end_s(kill.at_ns)
    return seconds is None or -_CLOCK_SLACK_S <= seconds <= _STAMPED_WITHIN_S


def _was_dying(case: Case, kill: KillInRun) -> bool:
    """
    Return whether somebody else had sent SIGKILL before a kill, as far as clocks can show it.
    """
    sent_ns = [sent.at_ns for sent in case.signals if sent.signal == SIGKILL]
    if case.sender is not None and case.sender.signal == SIGKILL:
        sent_ns.append(case.sender.at_ns)
    return kill.at_ns is not None and any(at_ns < kill.at_ns - CLOCK_SLACK_NS for at_ns in sent_ns)


def _signals_of(kill: KillInRun) -> tuple[int, ...]:
    """
    Return the signals by which a program's kill may end a process: SIGKILL follows where SIGTERM does not help.
    """
    return (SIGTERM, SIGKILL) if kill.signal == _TERM else (SIGKILL,)


def _handled(case: Case, kill: KillInRun) -> bool:
    """
    Return whether the main process may have handled the SIGTERM that it was sent, and exited with a code of its own.
    """
    return kill.signal == _TERM and bool(kill.main_process) and case.exit_code is not None and case.signal is None


def _sent_by_another(case: Case, kill: KillInRun) -> bool:
    """
    Return whether somebody else is known to have sent the signal that ended the run.
    """
    if case.sender is not None and not _is_sender(case, kill):
        return True
    numbers = _signals_of(kill) if case.signal is None else (case.signal,)
    return any(sent.signal is None or sent.signal in numbers for sent in case.signals_before_end)


def _is_sender(case: Case, kill: KillInRun) -> bool:
    """
    Return whether the trace shows that the program which reported a kill sent the signal, or a process of its unit.
    """
    if case.sender is None:
        return False
    author_pid = kill.author.pid if kill.author is not None else None
    in_unit = case.sender.sender_unit == f"{kill.killer.value}.service" and case.sender.sender_container is None
    return case.sender.sender_pid == author_pid or in_unit


def _confidence_in_program(case: Case, kill: KillInRun) -> Confidence:
    """
    Return how sure a program's kill is as the cause: its word alone is never certain.

    The second witness is the kernel: its trace names the program as the sender, or it saw the main process end by the
    signal. The latter does not say who sent it, so it does not help a program that nobody vouches for.
    """
    by_trace = _is_sender(case, kill)
    if kill.author is None or kill.author.doubt is not None:
        return Confidence.LIKELY if by_trace else Confidence.POSSIBLE
    status = case.wait_status
    by_status = status is not None and status.signal in _signals_of(kill)
    return Confidence.CERTAIN if kill.main_process and (by_trace or by_status) else Confidence.LIKELY


def _evidence_of_author(case: Case, kill: KillInRun) -> tuple[Evidence, ...]:
    """
    Return what does not prove that the program wrote its line, and what the trace shows.
    """
    doubt = kill.author.doubt if kill.author is not None else None
    seen = evidence_of(case.sender) if case.sender is not None else None
    return (
        *((Evidence(source=EvidenceSource.JOURNALD, text=doubt),) if doubt is not None else ()),
        *((seen,) if seen is not None else ()),
    )


def _soon(case: Case, kill: KillInRun) -> bool:
    seconds = case.before_end_s(kill.at_ns)
    return seconds is not None and -_CLOCK_SLACK_S <= seconds <= _CHILD_LATE_S


def _named(kill: KillInRun) -> str:
    return f' "{printable(kill.comm)}" (pid {kill.pid})' if kill.comm else f" (pid {kill.pid})" if kill.pid else ""


def _whose(kill: KillInRun) -> str:
    match kill.scope:
        case Scope.CONTAINER:
            return f" at the container's own {_KINDS.get(kill.limit_kind, 'memory')} limit"
        case Scope.PARENT:
            return " at the memory limit of a cgroup above the container"
        case Scope.HOST:
            return " because the host ran out of memory"
        case None:
            return ""


def _after(seconds: float) -> str:
    return "right after" if seconds < 0.1 else f"{seconds:.1f} s after"  # noqa: PLR2004 (a tenth of a second)

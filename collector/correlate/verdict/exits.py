"""
Verdict rules: the exit itself, when nobody else had a part in it that was seen.
"""

from typing import Final

from collector.correlate.facts import SignalSeen
from collector.correlate.verdict.case import (
    LOST_TASK,
    SECOND,
    SIGKILL,
    SIGNAL_BASE,
    Case,
    Verdict,
    evidence_of_exit,
    evidence_of_kill,
    signal_name,
)
from collector.correlate.witnesses import described, evidence_of
from collector.correlate.wording import shown
from parsers.exit_code import meaning
from sinks.event import Cause, Confidence, Evidence, EvidenceSource

_START_FAILURES: Final = range(125, 129)
# dockerd takes at most its shutdown timeout plus systemd's 90 s to stop everything before a reboot.
_SHUTDOWN_NS: Final = 180 * SECOND
_DOCKERS_PROGRAMS: Final = ("runc", "crun", "containerd-shim", "dockerd")
_REBOOT_SIGNALS: Final = (9, 15)


def never_started(case: Case) -> Verdict | None:
    """
    It could not be started: State.Error, and a code that only a failed start has.
    """
    if case.started and not (case.error and case.exit_code in _START_FAILURES):
        return None
    if not case.error:
        return Verdict(
            cause=Cause.START_FAILED,
            confidence=Confidence.POSSIBLE,
            because="it was removed without ever having run",
        )
    evidence = (
        Evidence(source=EvidenceSource.INSPECT, time_ns=case.ended_ns, text=f"State.Error: {case.error}"),
        *map(evidence_of_kill, case.kills),
    )
    return Verdict(
        cause=Cause.START_FAILED,
        confidence=Confidence.CERTAIN,
        because=f"it could not be started: {shown(case.error)}",
        evidence=evidence,
        scope=case.kills[-1].scope if case.kills else None,
        settled=True,
    )


def host_went_down(case: Case) -> Verdict | None:
    """
    The host was booted anew since the run was last seen, and nothing else explains the end.
    """
    if not case.rebooted:
        return None
    if case.exit_code not in (None, 0, LOST_TASK) and case.signal not in _REBOOT_SIGNALS:
        return None
    in_new_boot = case.booted_ns is not None and case.ended_ns is not None and case.ended_ns >= case.booted_ns
    at_shutdown = (
        case.booted_ns is not None
        and case.ended_ns is not None
        and case.booted_ns - _SHUTDOWN_NS <= case.ended_ns < case.booted_ns
    )
    if not (in_new_boot or at_shutdown or case.exit_code in (None, LOST_TASK)):
        return None
    return Verdict(
        cause=Cause.HOST_REBOOT,
        confidence=Confidence.LIKELY,
        because="the host went down while it ran",
        evidence=(
            Evidence(source=EvidenceSource.INSPECT, time_ns=case.booted_ns, text="the host has another boot id since"),
        ),
    )


def crashed(case: Case) -> Verdict | None:
    """
    A fatal signal of its own making, which nobody sent through Docker; an exit code alone may be the program's own.
    """
    if case.signal is None or not meaning(SIGNAL_BASE + case.signal).crash:
        return None
    return Verdict(
        cause=Cause.CRASH,
        confidence=Confidence.CERTAIN if case.wait_status is not None else Confidence.LIKELY,
        because=f"it crashed with {signal_name(case.signal)}",
        evidence=evidence_of_exit(case),
    )


def signalled(case: Case) -> Verdict | None:
    """
    A signal that neither Docker nor an OOM killer sent.

    By the exit code alone a program that calls exit(137) looks the same, and so does a kill whose kernel line was lost:
    SIGKILL leaves the least trace, so it weighs least.
    """
    if case.signal is None or case.die_event_ns is None:
        return None
    name = signal_name(case.signal)
    if case.sender is not None:
        return _sent_by(case, case.sender, name)
    if case.wait_status is not None:
        return Verdict(
            cause=Cause.SIGNAL,
            confidence=Confidence.LIKELY,
            because=f"{name} ended it, and Docker did not send it",
            evidence=evidence_of_exit(case),
        )
    return Verdict(
        cause=Cause.SIGNAL,
        confidence=Confidence.POSSIBLE if case.signal == SIGKILL else Confidence.LIKELY,
        because=f"{name} from outside Docker, or the program itself ended with code {case.exit_code}",
    )


def _sent_by(case: Case, sent: SignalSeen, name: str) -> Verdict:
    """
    The sender is known. Docker's own programs send for Docker, even where its event was lost.
    """
    by_docker = sent.sender_comm is not None and sent.sender_comm.startswith(_DOCKERS_PROGRAMS)
    evidence = evidence_of(sent)
    return Verdict(
        cause=Cause.DOCKER_KILL if by_docker and sent.sender_container is None else Cause.SIGNAL,
        confidence=Confidence.LIKELY if by_docker else Confidence.CERTAIN,
        because=f"{name} was sent by {described(sent)}",
        evidence=(*((evidence,) if evidence is not None else ()), *evidence_of_exit(case)),
    )


def ended_by_itself(case: Case) -> Verdict | None:
    """
    An exit code that no signal gives.
    """
    if case.exit_code is None or case.signal is not None or (case.exit_code == LOST_TASK and case.die_event_ns is None):
        return None
    if case.exit_code == 0:
        return Verdict(
            cause=Cause.EXIT,
            confidence=Confidence.CERTAIN,
            because="it ended by itself",
            evidence=evidence_of_exit(case),
            settled=not case.signals,
        )
    return Verdict(
        cause=Cause.APP_ERROR,
        confidence=Confidence.CERTAIN,
        because=f"the program itself ended with code {case.exit_code}",
        evidence=evidence_of_exit(case),
    )


def unknown(case: Case) -> Verdict:
    """
    What remains: the evidence does not say.
    """
    seen = "nobody saw its end" if case.die_event_ns is None else "the evidence does not say why"
    return Verdict(cause=Cause.UNKNOWN, confidence=Confidence.POSSIBLE, because=seen)

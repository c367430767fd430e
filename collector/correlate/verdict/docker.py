"""
Verdict rules: somebody ended the container through Docker, or Docker itself went down.
"""

from typing import Final

from collector.correlate.runs import LOST_TASK, SignalSent
from collector.correlate.verdict.case import (
    MS,
    SECOND,
    SIGKILL,
    SIGNAL_BASE,
    Case,
    Verdict,
    evidence_of_event,
    evidence_of_signal,
    signal_name,
)
from parsers.exit_code import meaning
from sinks.event import Cause, Confidence, Evidence, EvidenceSource

# A program may take some time to exit on SIGTERM; after half a minute the signal no longer explains its exit.
_HANDLED_WITHIN_S: Final = 30.0
# Unless that signal ends it: it may have drained its connections first.
_DRAINED_WITHIN_S: Final = 600.0
# dockerd gives all containers 15 s to stop (its shutdown timeout), and answers no more requests from then on.
_SHUTDOWN_NS: Final = 20 * SECOND
_RESTORE_NS: Final = 5 * SECOND
# Signals on which no program exits by itself: most ask for a reload or a report; SIGKILL and SIGSTOP cannot be handled.
_NEVER_AN_ORDER_TO_END: Final = frozenset({1, 10, 12, 17, 18, 23, 28, SIGKILL, 19})


def daemon_went_down(case: Case) -> Verdict | None:
    """
    Decide for a shutdown of dockerd, which stopped its containers, or ended what it found when it came back.
    """
    if case.engine_down_ns is None or not (_stopped_at_shutdown(case) or _ended_while_down(case)):
        return None
    if _was_back(case, case.engine_down_ns):
        return None
    evidence = tuple(evidence_of_signal(sent) for sent in case.signals_before_end)
    down = Evidence(
        source=EvidenceSource.DOCKER, time_ns=case.engine_down_ns, text="the Docker daemon stopped answering"
    )
    return Verdict(
        cause=Cause.DAEMON_SHUTDOWN,
        confidence=Confidence.LIKELY,
        because="the Docker daemon shut down, and the container with it",
        evidence=(*evidence, down),
    )


def stopped(case: Case) -> Verdict | None:
    """
    Decide for docker stop, restart or compose down: the stop signal, the end, and Docker's `stop` event.

    Not if the run ended by a SIGKILL that Docker did not send, while the kernel sent one.
    """
    sent = case.signals_before_end
    if case.stop_ns is None or not sent:
        return None
    by_kill = case.signal == SIGKILL and sent[-1].signal in (SIGKILL, None)
    by_other_kill = case.signal == SIGKILL and not by_kill
    if by_other_kill and case.killed_for_memory:
        return None
    escalated = by_kill and case.stop_signal != SIGKILL and len(sent) > 1
    doubtful = by_other_kill or any(one.signal is None or case.is_late(one) for one in sent)
    confidence = Confidence.LIKELY if doubtful else Confidence.CERTAIN
    evidence = (*map(evidence_of_signal, sent), evidence_of_event("stop", case.stop_ns))
    if escalated:
        grace_s = (sent[-1].at_ns - sent[-2].at_ns) / SECOND
        return Verdict(
            cause=Cause.DOCKER_STOP_TIMEOUT,
            confidence=confidence,
            because=f"it did not exit on {signal_name(sent[-2].signal)} within {grace_s:.1f} s, "
            "so docker stop sent SIGKILL",
            evidence=evidence,
        )
    return Verdict(
        cause=Cause.DOCKER_STOP,
        confidence=confidence,
        because=f"docker stop sent {signal_name(sent[-1].signal)}, and it exited within the grace period",
        evidence=evidence,
    )


def removed(case: Case) -> Verdict | None:
    """
    Decide for docker rm -f: SIGKILL, the end, and at once the removal, which was not due to --rm.

    Docker's `destroy` may come seconds later; what Docker says of the container's state right after the end does not.
    It is never certain: docker kill with docker rm right after it look the same. A busy engine may stamp its `kill`
    long after the end; it sends one only to a container that it takes for running.
    """
    sent = case.signals_before_end or (() if case.killed_for_memory else case.signals)
    if case.auto_remove or case.being_removed is False or not case.may_be(SIGKILL):
        return None
    if not sent or sent[-1].signal not in (SIGKILL, None) or not (case.being_removed or case.destroy_ns is not None):
        return None
    destroy = (evidence_of_event("destroy", case.destroy_ns),) if case.destroy_ns is not None else ()
    state = Evidence(source=EvidenceSource.INSPECT, time_ns=case.ended_ns, text="Docker was removing the container")
    return Verdict(
        cause=Cause.DOCKER_RM,
        confidence=Confidence.LIKELY,
        because="docker rm -f killed it",
        evidence=(evidence_of_signal(sent[-1]), *((state,) if case.being_removed else ()), *destroy),
    )


def killed(case: Case) -> Verdict | None:
    """
    Decide for docker kill: a signal sent through Docker ended the program, or the program exited because of it.
    """
    for sent in reversed(case.signals_before_end):
        confidence = _ended_by(case, sent)
        if confidence is not None:
            return Verdict(
                cause=Cause.DOCKER_KILL,
                confidence=confidence,
                because=f"docker kill sent {signal_name(sent.signal)}",
                evidence=(evidence_of_signal(sent),),
            )
    for sent in reversed(case.signals_before_end):
        seconds = case.before_end_s(sent.at_ns)
        handled = seconds is not None and seconds <= _HANDLED_WITHIN_S
        if (
            handled
            and sent.signal not in (None, *_NEVER_AN_ORDER_TO_END)
            and case.signal is None
            and case.exit_code is not None
        ):
            return Verdict(
                cause=Cause.DOCKER_KILL,
                confidence=Confidence.LIKELY,
                because=f"docker kill sent {signal_name(sent.signal)}, "
                f"and the program exited with code {case.exit_code}",
                evidence=(evidence_of_signal(sent),),
            )
    return None


def _ended_by(case: Case, sent: SignalSent) -> Confidence | None:
    """
    Return the confidence that this signal ended the run, as its exit code says; None if it did not or came too early.
    """
    if sent.signal is None or case.signal != sent.signal:
        return None
    seconds = case.before_end_s(sent.at_ns) or 0.0
    if seconds <= _HANDLED_WITHIN_S:
        doubtful = case.is_late(sent) or case.killed_by_program or _may_be_removal(case, sent)
        return Confidence.LIKELY if doubtful else Confidence.CERTAIN
    # A SIGKILL stays pending while the process waits in the kernel, and nothing takes it back.
    ordered = sent.signal == SIGKILL or sent.signal not in _NEVER_AN_ORDER_TO_END
    return Confidence.LIKELY if ordered and seconds <= _DRAINED_WITHIN_S else None


def _may_be_removal(case: Case, sent: SignalSent) -> bool:
    """
    Return whether a SIGKILL may have been docker rm -f: not if Docker was asked after the end and was not removing it.

    With --rm Docker removes the container in any case, so nothing distinguishes the two.
    """
    return sent.signal == SIGKILL and (case.auto_remove or case.being_removed is not False)


def _stopped_at_shutdown(case: Case) -> bool:
    """
    Return whether the run was stopped as by docker stop while the daemon was going down.
    """
    if case.engine_down_ns is None or case.ended_ns is None or not case.signals_before_end:
        return False
    return case.ended_ns - 100 * MS <= case.engine_down_ns + _SHUTDOWN_NS and (
        case.engine_down_ns <= case.ended_ns + _SHUTDOWN_NS
    )


def _was_back(case: Case, engine_down_ns: int) -> bool:
    """
    Return whether the daemon was back before the agent noticed.

    Then it has started the run, or a signal shows it: a daemon that shuts down sends the stop signal first, and soon.
    """
    if case.began_ns is not None and case.began_ns > engine_down_ns:
        return True
    first = next((sent for sent in case.signals_before_end if sent.at_ns > engine_down_ns), None)
    return first is not None and (
        first.signal not in (None, case.stop_signal) or first.at_ns > engine_down_ns + _SHUTDOWN_NS
    )


def _ended_while_down(case: Case) -> bool:
    """
    Return whether the run ended while the daemon was down, with the code of a lost task or by a signal that does not
    mean a crash.
    """
    if case.engine_down_ns is None or case.ended_ns is None:
        return False
    until_ns = (case.engine_up_ns or case.ended_ns) + _RESTORE_NS
    killed = case.signal is not None and not meaning(SIGNAL_BASE + case.signal).crash
    lost = case.exit_code == LOST_TASK or killed
    return lost and case.engine_down_ns <= case.ended_ns <= until_ns

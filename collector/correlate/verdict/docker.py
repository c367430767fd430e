"""
Verdict rules: somebody ended it through Docker, or Docker itself went down.
"""

from typing import Final

from collector.correlate.runs import SignalSent
from collector.correlate.verdict.case import (
    LOST_TASK,
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

# A program may take its time after SIGTERM; after half a minute its end is its own.
_HANDLED_WITHIN_S: Final = 30.0
# Unless it ends by that very signal: it may have sent its users away first.
_DRAINED_WITHIN_S: Final = 600.0
# dockerd gives all containers 15 s to stop (its shutdown timeout) and stops to answer when it begins.
_SHUTDOWN_NS: Final = 20 * SECOND
_RESTORE_NS: Final = 5 * SECOND
# Signals on which no program ends in its own way: most ask for a reload or a report, SIGKILL and SIGSTOP it never sees.
_NEVER_AN_ORDER_TO_END: Final = frozenset({1, 10, 12, 17, 18, 23, 28, SIGKILL, 19})


def daemon_went_down(case: Case) -> Verdict | None:
    """
    dockerd was going down and stopped its containers, or came back and ended what it found.
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
        because="the Docker daemon went down, and the container with it",
        evidence=(*evidence, down),
    )


def stopped(case: Case) -> Verdict | None:
    """
    docker stop, restart or compose down: the stop signal, the end, and Docker's `stop` event; unless it ended by a
    SIGKILL that Docker did not send, and the kernel sent one at that moment.
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
            because=f"it did not end on {signal_name(sent[-2].signal)} within {grace_s:.1f} s, "
            "and docker stop sent SIGKILL",
            evidence=evidence,
        )
    return Verdict(
        cause=Cause.DOCKER_STOP,
        confidence=confidence,
        because=f"docker stop sent {signal_name(sent[-1].signal)}, and it ended within the grace period",
        evidence=evidence,
    )


def removed(case: Case) -> Verdict | None:
    """
    docker rm -f: SIGKILL, the end, and the removal at once, which the container had not asked for itself (--rm).
    """
    sent = case.signals_before_end
    if case.destroy_ns is None or case.auto_remove or not case.may_be(SIGKILL):
        return None
    if not sent or sent[-1].signal not in (SIGKILL, None):
        return None
    return Verdict(
        cause=Cause.DOCKER_RM,
        confidence=Confidence.CERTAIN if sent[-1].signal is not None else Confidence.LIKELY,
        because="docker rm -f killed it",
        evidence=(evidence_of_signal(sent[-1]), evidence_of_event("destroy", case.destroy_ns)),
    )


def killed(case: Case) -> Verdict | None:
    """
    docker kill: the exit code is that of a signal sent through Docker, or the program ended on it in its own way.
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
                f"and the program ended with code {case.exit_code}",
                evidence=(evidence_of_signal(sent),),
            )
    return None


def _ended_by(case: Case, sent: SignalSent) -> Confidence | None:
    """
    How sure it is that this signal ended it, as its exit code says; None: it did not, or was survived for too long.
    """
    if sent.signal is None or case.signal != sent.signal:
        return None
    seconds = case.before_end_s(sent.at_ns) or 0.0
    if seconds <= _HANDLED_WITHIN_S:
        return Confidence.LIKELY if case.is_late(sent) else Confidence.CERTAIN
    ordered = sent.signal not in _NEVER_AN_ORDER_TO_END
    return Confidence.LIKELY if ordered and seconds <= _DRAINED_WITHIN_S else None


def _stopped_at_shutdown(case: Case) -> bool:
    """
    Stopped as by docker stop while the daemon was about to be gone.
    """
    if case.engine_down_ns is None or case.ended_ns is None or not case.signals_before_end:
        return False
    return case.ended_ns - 100 * MS <= case.engine_down_ns + _SHUTDOWN_NS and (
        case.engine_down_ns <= case.ended_ns + _SHUTDOWN_NS
    )


def _was_back(case: Case, engine_down_ns: int) -> bool:
    """
    Whether the daemon was back before the agent had found it. It had started the run; or a signal shows it, since one
    that shuts down begins with the stop signal, and soon.
    """
    if case.began_ns is not None and case.began_ns > engine_down_ns:
        return True
    first = next((sent for sent in case.signals_before_end if sent.at_ns > engine_down_ns), None)
    return first is not None and (
        first.signal not in (None, case.stop_signal) or first.at_ns > engine_down_ns + _SHUTDOWN_NS
    )


def _ended_while_down(case: Case) -> bool:
    """
    Ended between the daemon's going and its coming back, with the code of a lost task or by a signal that is no fault
    of the program.
    """
    if case.engine_down_ns is None or case.ended_ns is None:
        return False
    until_ns = (case.engine_up_ns or case.ended_ns) + _RESTORE_NS
    killed = case.signal is not None and not meaning(SIGNAL_BASE + case.signal).crash
    lost = case.exit_code == LOST_TASK or killed
    return lost and case.engine_down_ns <= case.ended_ns <= until_ns

"""
Verdict rules for Podman, which has no daemon: every command is a process of its own, and runs crun or runc to send a
signal.

Its events say less than Docker's: `kill` has no number, a stop after its timeout has often no event at all, and
`podman rm -f` stops the container and removes it. Seen with Podman 4.3 and 5.4. So a cause is certain only where the
trace shows that root's runtime sent the signal, and Podman's events say with which command.

    kill       kill, died, cleanup            rm -f      (stop), died, remove
    stop       (stop), died, cleanup          restart    restart, died, init, start
"""

from typing import Final

from collector.correlate.pid_observations import evidence_of
from collector.correlate.runs import SignalSent
from collector.correlate.verdict.case import (
    SECOND,
    SIGKILL,
    Case,
    Verdict,
    evidence_of_event,
    evidence_of_exit,
    signal_name,
)
from collector.facts.observed import SignalFact
from parsers.engine import ROOT
from sinks.event import Cause, Confidence, Evidence, EvidenceSource
from sinks.text import printable

# The runtimes that Podman starts to send a signal, and its own programs, as the kernel names them.
_PROGRAMS: Final = frozenset({"crun", "runc", "youki", "podman", "conmon"})
_INIT_PID: Final = 1
# The commands that end a container and wait for that: the process that notes the end is the one that caused it.
_STOPPING: Final = frozenset({"stop", "container stop", "pod stop", "restart", "container restart", "pod restart"})
_REMOVING: Final = frozenset({"rm", "container rm", "pod rm"})
# Podman writes its events itself, after it has done what they say, and a busy host delays it.
_STAMPED_WITHIN_S: Final = 10.0
# A program may take so long to exit on the stop signal; Podman's own timeout is 10 s, and a unit may set a longer one.
_STOP_WITHIN_S: Final = 120.0
_HANDLED_WITHIN_S: Final = 30.0


def stopped(case: Case) -> Verdict | None:
    """
    Decide for podman stop, podman restart and podman pod stop.

    The stop signal and later SIGKILL show a stop after its timeout, for which Podman often has no event.
    """
    if case.signal not in (None, SIGKILL, case.stop_signal) or _kills_said(case) or _is_sent_by_another(case):
        return None
    proven, sent = _by_podman(case), _perhaps_by_podman(case)
    said_ns = case.stop_ns if _is_near(case, case.stop_ns) else None
    # `podman rm -f` sends the same signals. It holds the container from its `stop` event until it is removed.
    by_command = case.ended_command in _STOPPING and not case.signals
    is_cleaned_up = case.cleanup_ns is not None and said_ns is not None and case.cleanup_ns > said_ns
    kept = case.restarted or by_command or is_cleaned_up
    if case.destroy_ns is not None and not kept and not _is_removed_anyway(case):
        return None
    by_kill = case.signal == SIGKILL and (said_ns is not None or _is_stop(case, sent))
    handled = case.signal != SIGKILL and (said_ns is not None or _is_ordered(case, sent))
    if not (by_kill or handled) or (case.killed_for_memory and not _is_stop(case, sent)):
        return None
    witnessed = _is_stop(case, proven) if by_kill else _is_ordered(case, proven)
    confidence = Confidence.LIKELY if said_ns is not None or proven else Confidence.POSSIBLE
    evidence = (*_evidence(sent), *((evidence_of_event("stop", said_ns),) if said_ns is not None else ()))
    return Verdict(
        cause=Cause.DOCKER_STOP_TIMEOUT if by_kill and case.stop_signal != SIGKILL else Cause.DOCKER_STOP,
        confidence=Confidence.CERTAIN if witnessed and kept and (by_command or said_ns) else confidence,
        because=_how_stopped(case, sent, by_kill=by_kill),
        evidence=(*evidence, *evidence_of_exit(case)),
    )


def stopped_with_unit(case: Case) -> Verdict | None:
    """
    Decide for a container whose unit systemd stopped or restarted, as systemd itself says before the end.

    systemd runs `podman stop` or `podman rm -f`, and kills the remaining processes of the unit. A program that the stop
    signal has ended, while its unit was being stopped, needs no third witness.
    """
    stopping = case.unit_stop
    if stopping is None or case.signal not in (None, SIGKILL, case.stop_signal):
        return None
    by_systemd = case.sender is not None and _is_systemd(case.sender)
    if case.killed_for_memory or _kills_said(case) or (_is_sent_by_another(case) and not by_systemd):
        return None
    of_stop = (one for one in case.sent if _is_systemd(one) or _may_be_podman(case, one))
    sent = tuple(one for one in of_stop if one.at_ns >= stopping.at_ns)
    if case.signal is None and not sent and (case.is_traced or case.kills):
        return None  # it ended by itself before it was asked to, or may have
    by_kill = case.signal == SIGKILL
    number = SIGKILL if by_kill else case.stop_signal
    is_seen = any(one.signal == number and (_is_systemd(one) or _is_podman(case, one)) for one in sent)
    by_stop_signal = case.wait_status is not None and case.signal == case.stop_signal != SIGKILL
    is_certain = stopping.author.doubt is None and (is_seen or by_stop_signal)
    how = ", and it did not exit in time" if by_kill else ""
    said = Evidence(source=EvidenceSource.JOURNALD, time_ns=stopping.at_ns, text=printable(stopping.text))
    return Verdict(
        cause=Cause.DOCKER_STOP_TIMEOUT if by_kill and case.stop_signal != SIGKILL else Cause.DOCKER_STOP,
        confidence=Confidence.CERTAIN if is_certain else Confidence.LIKELY,
        because=f"systemd {'restarted' if stopping.is_restart else 'stopped'} its unit {printable(stopping.unit)}{how}",
        evidence=(said, *_evidence(sent), *evidence_of_exit(case)),
    )


def removed(case: Case) -> Verdict | None:
    """
    Decide for podman rm -f, which stops the container and removes it at once. podman stop with podman rm right after it
    look the same.
    """
    if _is_removed_anyway(case) or case.destroy_ns is None or _kills_said(case) or case.cleanup_ns is not None:
        return None
    sent = _perhaps_by_podman(case)
    if case.stop_ns is None and not sent and case.signal != SIGKILL:
        return None
    if case.killed_for_memory or _is_sent_by_another(case):
        return None
    proven = _by_podman(case)
    witnessed = bool(proven) and proven[-1].signal == (case.signal or case.stop_signal)
    return Verdict(
        cause=Cause.DOCKER_RM,
        confidence=Confidence.CERTAIN if witnessed and case.ended_command in _REMOVING else Confidence.LIKELY,
        because="podman rm -f ended and removed it",
        evidence=(*_evidence(sent), evidence_of_event("remove", case.destroy_ns), *evidence_of_exit(case)),
    )


def killed(case: Case) -> Verdict | None:
    """
    Decide for podman kill: its event, and an end that its signal can have caused. The event does not name the signal.
    """
    said = _kills_said(case)
    if not said or case.killed_for_memory or _is_sent_by_another(case):
        return None
    sent = _perhaps_by_podman(case)
    ended_it = case.sender is not None and _is_podman(case, case.sender)
    if case.signal is None and not (sent and case.exit_code is not None):
        return None
    # As many signals as events: none of them belongs to another command.
    is_certain = ended_it and len(sent) == len(case.signals) and not case.auto_remove and case.destroy_ns is None
    number = case.signal if case.signal is not None else sent[-1].signal
    how = "" if case.signal is not None else f", and the program exited with code {case.exit_code}"
    return Verdict(
        cause=Cause.DOCKER_KILL,
        confidence=Confidence.CERTAIN if is_certain else Confidence.LIKELY,
        because=f"podman kill sent {signal_name(number)}{how}",
        evidence=(evidence_of_event("kill", said[-1].at_ns), *_evidence(sent), *evidence_of_exit(case)),
    )


def killed_by_command(case: Case) -> Verdict | None:
    """
    Decide for a SIGKILL that root's runtime sent, where no event says with which command: a stop that does not wait, or
    podman kill whose event was lost.
    """
    if case.sender is None or not _may_be_podman(case, case.sender):
        return None
    is_kill = case.signal == SIGKILL
    return Verdict(
        cause=Cause.DOCKER_STOP_TIMEOUT if is_kill else Cause.DOCKER_KILL,
        confidence=Confidence.LIKELY if _is_podman(case, case.sender) else Confidence.POSSIBLE,
        because=f"podman sent {signal_name(case.signal)}"
        + (" without waiting for it to stop, or after the timeout" if is_kill else ""),
        evidence=(*_evidence((case.sender,)), *evidence_of_exit(case)),
    )


def _by_podman(case: Case) -> tuple[SignalFact, ...]:
    """
    Return the signals that root's Podman sent to the main process, the first first.
    """
    return tuple(sent for sent in case.sent if _is_podman(case, sent))


def _perhaps_by_podman(case: Case) -> tuple[SignalFact, ...]:
    """
    Return the same, with those whose sender was gone before more than its name could be read.
    """
    return tuple(sent for sent in case.sent if _may_be_podman(case, sent))


def _is_systemd(sent: SignalFact) -> bool:
    """
    Return whether the host's systemd sent a signal.
    """
    return sent.sender_pid == _INIT_PID and sent.sender_uid in (None, ROOT)


def _is_sent_by_another(case: Case) -> bool:
    """
    Return whether the signal that ended the run is known to come from elsewhere.
    """
    return case.sender is not None and not _may_be_podman(case, case.sender)


def _is_podman(case: Case, sent: SignalFact) -> bool:
    """
    Return whether a sender is the engine's runtime: by its user, outside of containers, with the name and file of one.
    """
    program = sent.sender_exe.rpartition("/")[2] if sent.sender_exe is not None else None
    is_seen = sent.sender_placed and sent.sender_uid is not None
    return is_seen and _may_be_podman(case, sent) and (program is None or program in _PROGRAMS)


def _may_be_podman(case: Case, sent: SignalFact) -> bool:
    """
    Return whether nothing that is known of a sender contradicts that it is the engine's runtime.
    """
    owner = case.engine.uid if case.engine is not None and case.engine.uid is not None else ROOT
    named = (sent.sender_comm or "").partition(":")[0]
    return named in _PROGRAMS and sent.sender_container is None and sent.sender_uid in (None, owner)


def _is_stop(case: Case, sent: tuple[SignalFact, ...]) -> bool:
    """
    Return whether the stop signal was sent, and later SIGKILL.
    """
    numbers = [one.signal for one in sent]
    return len(numbers) > 1 and numbers[-1] == SIGKILL and case.stop_signal in numbers[:-1]


def _is_ordered(case: Case, sent: tuple[SignalFact, ...]) -> bool:
    """
    Return whether the stop signal was the last one, and the end followed soon enough.
    """
    if not sent or sent[-1].signal != case.stop_signal:
        return False
    seconds = case.before_end_s(sent[-1].at_ns)
    return seconds is not None and -1.0 <= seconds <= _STOP_WITHIN_S


def _is_near(case: Case, said_ns: int | None) -> bool:
    """
    Return whether an event of Podman can be about the end, after which it may be stamped.
    """
    seconds = case.before_end_s(said_ns)
    return seconds is not None and -_STAMPED_WITHIN_S <= seconds <= _HANDLED_WITHIN_S


def _is_removed_anyway(case: Case) -> bool:
    """
    Return whether the container is removed whenever it ends: with --rm, and by a unit, which stops by podman rm -f.
    """
    return case.auto_remove or case.unit is not None


def _kills_said(case: Case) -> list[SignalSent]:
    """
    Return the `kill` events that can be about the end.
    """
    return [sent for sent in case.signals if _is_near(case, sent.at_ns)]


def _how_stopped(case: Case, sent: tuple[SignalFact, ...], *, by_kill: bool) -> str:
    if case.unit is not None and not case.restarted:
        return f"its unit {printable(case.unit)} was stopped" + (", and it did not exit in time" if by_kill else "")
    if not by_kill:
        return f"podman stop sent {signal_name(case.stop_signal)}, and it exited within the timeout"
    if not _is_stop(case, sent):
        return "podman stop sent SIGKILL after the timeout"
    waited_s = (sent[-1].at_ns - sent[-2].at_ns) / SECOND
    return f"it did not exit on {signal_name(sent[-2].signal)} within {waited_s:.1f} s, so podman stop sent SIGKILL"


def _evidence(sent: tuple[SignalFact, ...]) -> tuple[Evidence, ...]:
    return tuple(found for found in map(evidence_of, sent[-2:]) if found is not None)

"""
Verdict rules: the exit itself, when nobody was seen to have caused it.
"""

from signal import SIGFPE, SIGILL, SIGSEGV, SIGTRAP
from typing import Final

from collector.correlate.crash_in_run import CrashInRun
from collector.correlate.crash_reasons import explanation_of, signals_of
from collector.correlate.pid_observations import described, evidence_of
from collector.correlate.runs import LOST_TASK
from collector.correlate.verdict.case import (
    SECOND,
    SIGKILL,
    SIGNAL_BASE,
    Case,
    Verdict,
    evidence_of_exit,
    evidence_of_kill,
    signal_name,
)
from collector.facts.observed import SignalFact
from parsers.exit_code import meaning
from parsers.kernel import Fault
from sinks.event import Cause, Confidence, CrashLine, Evidence, EvidenceSource
from sinks.text import printable

# The kernel prints a line for a fault that ends a process by one of these, not for SIGABRT, nor for most of SIGBUS.
_FAULTS: Final = frozenset({SIGILL, SIGTRAP, SIGFPE, SIGSEGV})
_LEFT_OUT: Final = "; the kernel did not log where, because it had reached its rate limit for lines about crashes"
_START_FAILURES: Final = range(125, 129)
# dockerd takes at most its shutdown timeout plus systemd's 90 s to stop everything before a reboot.
_SHUTDOWN_NS: Final = 180 * SECOND
_DOCKERS_FILES: Final = frozenset({"runc", "crun", "containerd", "containerd-shim-runc-v2", "dockerd"})
# The names that the kernel keeps of them, at most 15 bytes.
_DOCKERS_PROGRAMS: Final = frozenset(file[:15] for file in _DOCKERS_FILES)
_DOCKERS_UNITS: Final = ("docker.service", "containerd.service", "snap.docker.dockerd.service")
_REBOOT_SIGNALS: Final = (9, 15)


def never_started(case: Case) -> Verdict | None:
    """
    Decide for a failed start: State.Error, and a code that only a failed start has.
    """
    if case.started and not (case.error and case.exit_code in _START_FAILURES):
        return None
    if not case.error:
        return Verdict(
            cause=Cause.START_FAILED,
            confidence=Confidence.POSSIBLE,
            because="it was removed before it ever ran",
        )
    evidence = (
        Evidence(source=EvidenceSource.INSPECT, time_ns=case.ended_ns, text=f"State.Error: {case.error}"),
        *map(evidence_of_kill, case.kills),
    )
    return Verdict(
        cause=Cause.START_FAILED,
        confidence=Confidence.CERTAIN,
        because=f"it could not be started: {printable(case.error)}",
        evidence=evidence,
        scope=case.kills[-1].scope if case.kills else None,
        final=True,
    )


def host_went_down(case: Case) -> Verdict | None:
    """
    Decide for a reboot since the run was last seen, if nothing else explains the end.
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
        because="the host went down while it was running",
        evidence=(
            Evidence(source=EvidenceSource.INSPECT, time_ns=case.booted_ns, text="the host has another boot id since"),
        ),
    )


def crashed(case: Case) -> Verdict | None:
    """
    Decide for a crash: a fatal signal that no other process sent; a mere exit code may be the program's own.

    The kernel prints its line only for a process that a fault of its own ends. So the line is enough, if the process in
    it is certain. The wait status is the same for `kill -SEGV`: it needs the line of this process, or the trace, which
    would show the sender. A line that fits by the name alone may be of another process.
    """
    if case.signal is None or not meaning(SIGNAL_BASE + case.signal).crash:
        return None
    crash = crash_behind(case)
    is_of_process = crash is not None and crash.confidence is not Confidence.POSSIBLE
    sender = case.sender if not is_of_process else None
    if sender is not None and _is_of_another(case, sender):
        return None
    is_certain = crash is not None and crash.confidence is Confidence.CERTAIN
    is_fault_seen = is_of_process or (case.is_sender_seen and (sender is None or _is_own(case, sender)))
    is_seen = is_certain or (case.wait_status is not None and is_fault_seen)
    seen = evidence_of(sender) if sender is not None else None
    line = (Evidence(source=crash.source, time_ns=crash.at_ns, text=crash.text),) if crash is not None else ()
    line = (seen,) if seen is not None else line
    return Verdict(
        cause=Cause.CRASH,
        confidence=Confidence.CERTAIN if is_seen else Confidence.LIKELY,
        because=f"it crashed with {signal_name(case.signal)}{_how(case, crash)}",
        evidence=(*line, *evidence_of_exit(case)),
    )


def crash_behind(case: Case) -> CrashInRun | None:
    """
    Return the kernel's line about the end of a run, if the signal in it can be the one that ended the run.
    """
    crash = case.crash
    return crash if crash is not None and case.signal in signals_of(crash.notice) else None


def missing_line(case: Case) -> CrashLine | None:
    """
    Return why a run that crashed has no line of the kernel; None where it has one, or where the kernel prints none.
    """
    is_fault = case.signal in _FAULTS and case.sender is None
    return case.crash_line if is_fault and crash_behind(case) is None else None


def _is_own(case: Case, sent: SignalFact) -> bool:
    """
    Return whether the process that crashed sent the signal itself, as abort(3) does.
    """
    return sent.sender_pid == (case.main_exit.pid if case.main_exit is not None else case.main_pid)


def _is_of_another(case: Case, sent: SignalFact) -> bool:
    """
    Return whether a process outside the container sent a signal. One inside may be a thread of the process itself.
    """
    inside = sent.sender_container is not None and sent.sender_container.id == case.container_id
    return sent.sender_placed and not inside and not _is_own(case, sent)


def _how(case: Case, crash: CrashInRun | None) -> str:
    if crash is None:
        return _LEFT_OUT if missing_line(case) is CrashLine.LEFT_OUT else ""
    fault, why = crash.notice.fault or Fault(), explanation_of(crash.notice)
    module = f" in {printable(fault.module_name)}" if fault.module_name is not None else ""
    return f"{module} ({why})" if why is not None else module


def signalled(case: Case) -> Verdict | None:
    """
    Decide for a signal that neither Docker nor an OOM killer sent.

    The exit code alone is the same for a program that calls exit(137), and for a kill whose kernel line was lost. Of
    all signals SIGKILL has the most such explanations, so its exit code alone makes the cause only possible.
    """
    if case.signal is None or case.die_event_ns is None:
        return None
    name = signal_name(case.signal)
    if case.sender is not None:
        return _sent_by(case, case.sender, name)
    if case.is_podmans and not case.is_traced:
        return Verdict(
            cause=Cause.SIGNAL,
            confidence=Confidence.POSSIBLE,
            because=f"it was ended by {name}; without the trace nothing shows whether Podman sent it",
            evidence=evidence_of_exit(case),
        )
    if case.wait_status is not None:
        return Verdict(
            cause=Cause.SIGNAL,
            confidence=Confidence.LIKELY,
            because=f"it was ended by {name}, which {case.engine_word} did not send",
            evidence=evidence_of_exit(case),
        )
    return Verdict(
        cause=Cause.SIGNAL,
        confidence=Confidence.POSSIBLE if case.signal == SIGKILL else Confidence.LIKELY,
        because=f"either {name} from outside {case.engine_word}, or the program itself returned {case.exit_code}",
    )


def _sent_by(case: Case, sent: SignalFact, name: str) -> Verdict:
    """
    Decide for a known sender; a program of Docker sends for Docker, even where Docker's event was lost.

    A name proves nothing, as any user may copy a program: what else is known of the sender must fit.
    """
    named = (sent.sender_comm or "").partition(":")[0] in _DOCKERS_PROGRAMS
    by_docker = named and _is_engine(sent)
    unseen = ", which was gone before its cgroup could be read" if named and not sent.sender_placed else ""
    evidence = evidence_of(sent)
    return Verdict(
        cause=Cause.DOCKER_KILL if by_docker else Cause.SIGNAL,
        confidence=Confidence.LIKELY if by_docker or unseen else Confidence.CERTAIN,
        because=f"{name} was sent by {described(sent)}{unseen}",
        evidence=(*((evidence,) if evidence is not None else ()), *evidence_of_exit(case)),
    )


def _is_engine(sent: SignalFact) -> bool:
    """
    Return whether a sender is root, in the engine's own unit, or in none as on a host without systemd, and runs one of
    the engine's files where the agent may read that.
    """
    program = sent.sender_exe.rpartition("/")[2] if sent.sender_exe is not None else None
    return (
        sent.sender_uid == 0
        and sent.sender_placed
        and sent.sender_container is None
        and sent.sender_unit in (None, *_DOCKERS_UNITS)
        and (program is None or program in _DOCKERS_FILES)
    )


def ended_by_itself(case: Case) -> Verdict | None:
    """
    Decide for an exit code that no signal gives.
    """
    if case.exit_code is None or case.signal is not None or (case.exit_code == LOST_TASK and case.die_event_ns is None):
        return None
    is_doubtful = (
        case.is_code_disputed
        or (case.exit_code == LOST_TASK and case.wait_status is None)
        # Podman has not always an event of a stop, so that only the trace shows that nobody asked it to end.
        or (case.is_podmans and (not case.is_traced or bool(case.sent)))
    )
    confidence = Confidence.LIKELY if is_doubtful else Confidence.CERTAIN
    doubt = f", although {case.engine_word} reported code {case.reported_exit_code}" if case.is_code_disputed else ""
    if case.exit_code == 0:
        return Verdict(
            cause=Cause.EXIT,
            confidence=confidence,
            because=f"it finished by itself{doubt}",
            evidence=evidence_of_exit(case),
            final=not case.signals and not case.is_podmans,
        )
    return Verdict(
        cause=Cause.APP_ERROR,
        confidence=confidence,
        because=f"the program itself returned {case.exit_code}{doubt}",
        evidence=evidence_of_exit(case),
    )


def unknown(case: Case) -> Verdict:
    """
    Return the verdict when no rule applies.
    """
    seen = "its end was not observed" if case.die_event_ns is None else "the evidence does not say why"
    return Verdict(cause=Cause.UNKNOWN, confidence=Confidence.POSSIBLE, because=seen)

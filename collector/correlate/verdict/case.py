"""
The input of a verdict, and its form.
"""

import signal as signals
from dataclasses import dataclass
from typing import Final

from collector.correlate.crash_in_run import CrashInRun
from collector.correlate.host_events import HostEvent
from collector.correlate.kill_in_run import KillInRun
from collector.correlate.runs import LOST_TASK, SignalSent
from collector.facts.observed import ProcessExitedFact, SignalFact
from parsers.engine import ContainerEngine, EngineName
from parsers.exit_code import meaning
from parsers.proc_event import WaitStatus
from parsers.unit_stops import UnitStopping
from sinks.event import Cause, Confidence, CrashLine, Evidence, EvidenceSource, Killer, Scope

SIGNAL_BASE: Final = 128
SIGKILL: Final = 9
SIGTERM: Final = 15
MS: Final = 1_000_000
SECOND: Final = 1_000_000_000
# Docker stamps its `kill` event after it sent the signal: 45 ms before the end in the recordings, up to 0.4 ms after it
# with a SIGKILL on an idle host.
_STAMPED_WITHIN_NS: Final = 20 * MS
# On a busy host it may be later; then the signal proves less.
_STAMPED_LATE_NS: Final = 100 * MS
# The kernel prints the kill before the process is gone.
_JUST_KILLED_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """
    Everything known about one ended run.

    Attributes:
        began_ns: start of the run; None when it never began.
        ended_ns: State.FinishedAt, else the time of Docker's `die`.
        die_event_ns: None when nobody saw the end.
        exit_code: the kernel's where Docker does not know it, else the reported one.
        reported_exit_code: from inspect; from the event only where no label can have forged it; else None.
        signals: sent through Docker in this run, in order, those after the end included.
        being_removed: whether Docker was removing the container when it was asked after the end.
        stop_signal: the signal that `docker stop` sends first.
        engine: the engine that runs the container; None where it is not known, which is Docker's.
        unit: the systemd unit that runs a container of Podman.
        unit_stop: what systemd says of the stop of that unit, during the run.
        restarted: Podman said that it restarts the container, before the end.
        cleanup_ns: when Podman cleaned up after the end, which it does for a container that stays.
        sent: of Podman's, the signals that a process had sent to the main process before its end, as the trace saw
            them.
        is_traced: of Podman's, whether the trace was read in the two minutes before the end.
        is_sender_seen: whether the trace would have shown a process that sent the signal that ended it.
        is_unreported: no engine has reported the end.
        ended_command: the command of Podman that noted the end; journald vouches for its user.
        main_exit: how the main process ended, from the kernel itself; under an init the process that init ran.
        crash: the kernel's line about the crash of the main process.
        crash_line: what is known of that line where there is none.
        host_events: errors of the host in the minute before the end; no verdict uses them.
        sender: the signal that ended it and who sent it, where the trace source saw it.
        error: State.Error: why it could not be started.
        kernel_log: whether the kernel log was readable all the time.
        engine_down_ns: when the daemon stopped answering, if that was near this end.
        engine_up_ns: when it answered again.
        rebooted: whether the host was rebooted since this run was last seen.
        booted_ns: when the host was booted.
    """

    container_id: str
    began_ns: int | None = None
    started: bool = True
    ended_ns: int | None = None
    die_event_ns: int | None = None
    exit_code: int | None = None
    reported_exit_code: int | None = None
    main_pid: int | None = None
    init: bool = False
    auto_remove: bool = False
    being_removed: bool | None = None
    stop_signal: int = SIGTERM
    signals: tuple[SignalSent, ...] = ()
    stop_ns: int | None = None
    destroy_ns: int | None = None
    oom_events_ns: tuple[int, ...] = ()
    oom_killed_flag: bool | None = None
    kills: tuple[KillInRun, ...] = ()
    main_exit: ProcessExitedFact | None = None
    crash: CrashInRun | None = None
    crash_line: CrashLine = CrashLine.NOT_READ
    host_events: tuple[HostEvent, ...] = ()
    sender: SignalFact | None = None
    error: str | None = None
    kernel_log: bool = False
    engine_down_ns: int | None = None
    engine_up_ns: int | None = None
    rebooted: bool = False
    booted_ns: int | None = None
    engine: ContainerEngine | None = None
    unit: str | None = None
    unit_stop: UnitStopping | None = None
    restarted: bool = False
    cleanup_ns: int | None = None
    sent: tuple[SignalFact, ...] = ()
    is_traced: bool = False
    is_unreported: bool = False
    ended_command: str | None = None
    is_sender_seen: bool = False

    @property
    def is_podmans(self) -> bool:
        """
        Whether Podman runs the container.
        """
        return self.engine is not None and self.engine.name is EngineName.PODMAN

    @property
    def engine_word(self) -> str:
        """
        The engine's name in a sentence.
        """
        return "Podman" if self.is_podmans else "Docker"

    @property
    def wait_status(self) -> WaitStatus | None:
        """
        How the main process ended, where that was seen.
        """
        return self.main_exit.status if self.main_exit is not None else None

    @property
    def is_code_disputed(self) -> bool:
        """
        Whether the kernel and Docker disagree on how it ended.
        """
        return self.reported_exit_code not in (None, self.exit_code)

    @property
    def signal(self) -> int | None:
        """
        The signal that ended it: from its wait status, else from the exit code (128 + n), which proves little.
        """
        if self.wait_status is not None:
            return self.wait_status.signal
        code = self.exit_code
        return code - SIGNAL_BASE if code is not None and SIGNAL_BASE < code <= SIGNAL_BASE + 64 else None

    def may_be(self, signal: int) -> bool:
        """
        Return whether a signal can have ended it: all evidence says so, or there is no evidence of how it ended.
        """
        if self.wait_status is None and self.exit_code in (None, LOST_TASK):
            return True
        return self.signal == signal

    @property
    def signals_before_end(self) -> tuple[SignalSent, ...]:
        """
        The signals that can have caused the end: those that were sent before it.
        """
        return tuple(sent for sent in self.signals if self._may_precede_end(sent))

    def is_late(self, sent: SignalSent) -> bool:
        """
        Return whether a signal is stamped so long after the end that it was hardly sent before.
        """
        return self.ended_ns is not None and sent.at_ns > self.ended_ns + _STAMPED_WITHIN_NS

    def _may_precede_end(self, sent: SignalSent) -> bool:
        """
        Return whether a signal may have been sent before the end.

        One that is stamped after the end counts only if nothing else explains the end, and one that is stamped late
        only if the end was by that signal.
        """
        if self.ended_ns is None or sent.at_ns <= self.ended_ns:
            return True
        if self.killed_for_memory or sent.at_ns > self.ended_ns + _STAMPED_LATE_NS:
            return False
        return not self.is_late(sent) or (sent.signal is not None and self.may_be(sent.signal))

    @property
    def killed_for_memory(self) -> bool:
        """
        Whether the OOM killer killed a process right before the end that may have been the main process.
        """
        seconds = [self.before_end_s(kill.at_ns) for kill in self.kills if _may_be_of_main(kill)]
        return any(second is not None and abs(second) <= _JUST_KILLED_S for second in seconds)

    @property
    def killed_by_program(self) -> bool:
        """
        Whether a program for which journald vouches reported that it killed the main process.
        """
        return any(
            kill.author is not None and kill.author.doubt is None and kill.main_process is not False
            for kill in self.kills
        )

    def before_end_s(self, at_ns: int | None) -> float | None:
        """
        Return the seconds from this time to the end; negative for a time after the end.

        The end is that of the main process, where that was seen: a starved Docker stamps it up to a minute later.
        """
        ended_ns = self.main_exit.at_ns if self.main_exit is not None else self.ended_ns
        return (ended_ns - at_ns) / SECOND if at_ns is not None and ended_ns is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """
    A cause, how well it is supported, and the evidence.

    Attributes:
        because: a clause for the message: `the kernel's OOM killer killed its main process`.
        scope: whose memory ran out, for causes that are an OOM.
        final: no evidence that may still come can change it.
    """

    cause: Cause
    confidence: Confidence
    because: str
    evidence: tuple[Evidence, ...] = ()
    scope: Scope | None = None
    final: bool = False


def _may_be_of_main(kill: KillInRun) -> bool:
    return kill.killer is Killer.KERNEL and kill.main_process is not False


def signal_name(number: int | None) -> str:
    """
    Return a signal as words: `SIGKILL`, its number where it has no name, `a signal` where the number is unknown.
    """
    if number is None:
        return "a signal"
    return meaning(SIGNAL_BASE + number).signal_name or f"signal {number}"


def evidence_of_kill(kill: KillInRun) -> Evidence:
    """
    Return the line that describes an OOM kill.
    """
    return Evidence(source=kill.source, time_ns=kill.at_ns, text=kill.text)


def evidence_of_signal(sent: SignalSent) -> Evidence:
    """
    Return Docker's event about a signal that was sent through Docker.
    """
    text = f"kill signal={sent.signal}" if sent.signal is not None else "kill"
    return Evidence(source=EvidenceSource.DOCKER, time_ns=sent.at_ns, text=text)


def evidence_of_event(action: str, at_ns: int) -> Evidence:
    """
    Return an event of Docker that needs no more than its name.
    """
    return Evidence(source=EvidenceSource.DOCKER, time_ns=at_ns, text=action)


def evidence_of_exit(case: Case) -> tuple[Evidence, ...]:
    """
    Return the wait status of the main process, where it was seen.
    """
    exited, status = case.main_exit, case.wait_status
    if exited is None or status is None:
        return ()
    how = f"signal {status.signal}" if status.signal is not None else f"exit code {status.exit_code}"
    core = ", core dumped" if status.core_dumped else ""
    text = f"pid {exited.pid} ended: wait status {how}{core}"
    return (Evidence(source=EvidenceSource.PROCESS, time_ns=exited.at_ns, text=text),)


def signal_number(name: str | None) -> int:
    """
    Return the number of a stop signal as Docker writes it: `SIGQUIT`, `QUIT`, `3` or nothing (SIGTERM).
    """
    if not name:
        return SIGTERM
    if name.isdecimal():
        return int(name[:3])
    full = name.upper() if name.upper().startswith("SIG") else f"SIG{name.upper()}"
    return signals.Signals[full].value if full in signals.Signals.__members__ else SIGTERM

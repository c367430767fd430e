"""
Gathers everything that is known of an ended run into the case of its verdict.
"""

from dataclasses import dataclass, field, replace
from typing import Final

from collector.correlate.container_record import ContainerRecord
from collector.correlate.daemon_outage import DaemonOutage
from collector.correlate.inventory import ContainerInventory
from collector.correlate.pid_observations import PidObservations
from collector.correlate.runs import Run
from collector.correlate.unit_stops import UnitStops
from collector.correlate.verdict import Case
from collector.correlate.verdict.case import SIGNAL_BASE, signal_number
from collector.correlate.watermarks import Watermarks
from collector.facts.observed import ProcessExitedFact, SignalFact
from parsers.engine import ROOT
from parsers.exit_code import meaning
from parsers.unit_stops import UnitStopping
from sinks.event import CrashLine

# A process that a signal of a crash ends may wait so long for a processor, or write its core dump.
_CRASH_NS: Final = 10_000_000_000
# So long before an end a command may have sent the signal that led to it.
_TRACED_FOR_NS: Final = 120_000_000_000


@dataclass(slots=True, kw_only=True)
class CaseBuilder:
    """
    Builds the cases of one host.

    Attributes:
        inventory: the containers, their kills and the ends of their processes; read only.
        observations: who sent which signal; read only.
        watermarks: which sources are read.
        boot_id: this boot of the host.
        booted_ns: when it began, wall clock.
        outage: when the Docker daemon did not answer.
        unit_stops: when systemd stopped which service.
        kernel_logs: the sources that read the kernel log now.
    """

    inventory: ContainerInventory
    observations: PidObservations
    watermarks: Watermarks
    boot_id: str | None
    booted_ns: int | None
    outage: DaemonOutage = field(default_factory=DaemonOutage)
    unit_stops: UnitStops = field(default_factory=UnitStops)
    kernel_logs: set[str] = field(default_factory=set)

    def build(self, record: ContainerRecord, run: Run) -> Case:
        """
        Return the case of an ended run.
        """
        main = self.inventory.main_exit_of(record, run)
        snapshot, after = record.snapshot, run.after
        outage = self.outage.near(run.ended_ns) if record.is_dockers else DaemonOutage()
        case = Case(
            container_id=record.id,
            began_ns=run.began_ns,
            started=run.began_ns is not None or run.die_event_ns is not None,
            ended_ns=run.ended_ns,
            die_event_ns=run.die_event_ns,
            exit_code=main.exit_code,
            reported_exit_code=run.reported_exit_code,
            main_pid=run.main_pid,
            init=bool(snapshot is not None and snapshot.init),
            auto_remove=bool(snapshot is not None and snapshot.auto_remove),
            being_removed=run.being_removed,
            stop_signal=signal_number(snapshot.stop_signal if snapshot is not None else None),
            signals=tuple(run.signals),
            stop_ns=run.stop_ns,
            destroy_ns=run.destroy_ns,
            oom_events_ns=tuple(run.oom_events_ns),
            oom_killed_flag=after.oom_killed if after is not None else None,
            kills=self.inventory.kills_of(record, run, main.exited.pid if main.exited is not None else None),
            main_exit=main.exited,
            crash=self.inventory.crash_of(record, run, main.exited),
            host_events=self.inventory.host_events.before(run.ended_ns),
            sender=self._sender(run, main.exited),
            error=(after.error or None) if after is not None else None,
            kernel_log=bool(self.kernel_logs),
            engine_down_ns=outage.down_ns,
            engine_up_ns=outage.up_ns,
            rebooted=None not in (run.boot_id, self.boot_id) and run.boot_id != self.boot_id,
            booted_ns=self.booted_ns,
            engine=record.engine,
        )
        case = self._with_crash_line(case, run)
        return self._of_podman(case, record, run, main.exited) if case.is_podmans else case

    def _of_podman(self, case: Case, record: ContainerRecord, run: Run, main_exit: ProcessExitedFact | None) -> Case:
        """
        Add what only Podman says, and what only the trace shows of its commands.
        """
        return replace(
            case,
            unit=record.unit,
            unit_stop=self._unit_stop(record, run, main_exit),
            restarted=run.restarted,
            cleanup_ns=run.cleanup_ns,
            sent=self._sent(run, main_exit),
            is_traced=self._is_traced(run),
            is_unreported=run.is_unreported,
            ended_command=run.ended_command,
        )

    def _unit_stop(self, record: ContainerRecord, run: Run, main_exit: ProcessExitedFact | None) -> UnitStopping | None:
        """
        Return the stop of the container's unit during a run, by the systemd of the engine's user.
        """
        ended_ns = main_exit.at_ns if main_exit is not None else run.ended_ns
        if record.unit is None or ended_ns is None:
            return None
        uid = record.engine.uid if record.engine is not None else None
        return self.unit_stops.before(record.unit, uid or ROOT, run.began_ns or 0, ended_ns)

    def _sent(self, run: Run, main_exit: ProcessExitedFact | None) -> tuple[SignalFact, ...]:
        """
        Return the signals that were sent to the main process of a run.
        """
        pid = main_exit.pid if main_exit is not None else run.main_pid
        if pid is None:
            return ()
        return self.observations.sent_to(
            pid, run.began_ns or run.earliest_ns, main_exit.at_ns if main_exit is not None else run.ended_ns
        )

    def _sender(self, run: Run, main_exit: ProcessExitedFact | None) -> SignalFact | None:
        """
        Find who sent the signal that ended a run; an init passes on what was sent to it.
        """
        code = run.reported_exit_code
        by_code = code - SIGNAL_BASE if code is not None and code > SIGNAL_BASE else None
        status = main_exit.status if main_exit is not None else None
        signal = status.signal if status is not None else by_code
        pid = main_exit.pid if main_exit is not None else run.main_pid
        if signal is None or pid is None:
            return None
        # A slow Docker stamps the end seconds after the kernel has seen it.
        ended_ns = main_exit.at_ns if main_exit is not None else run.ended_ns
        sent = self.observations.sender(pid, signal, ended_ns)
        if sent is not None and sent.sender_pid == run.main_pid:
            return self.observations.sender(run.main_pid, signal, ended_ns) or sent
        return sent

    def _with_crash_line(self, case: Case, run: Run) -> Case:
        """
        Add what is known of a crash of which the kernel's log has no line.
        """
        ended_ns = case.main_exit.at_ns if case.main_exit is not None else run.ended_ns
        is_read = any(self._is_up(source, run, ended_ns) for source in ("kmsg", "journald"))
        line = CrashLine.NOT_PRINTED if is_read else CrashLine.NOT_READ
        line = CrashLine.LEFT_OUT if self.inventory.printed_lines.has_left_out(ended_ns) else line
        is_sender_seen = self._is_up("trace", run, ended_ns) and not self._may_be_sent(case)
        return replace(case, crash_line=line, is_sender_seen=is_sender_seen)

    def _may_be_sent(self, case: Case) -> bool:
        """
        Return whether a process may have sent the signal that ended the main process, although no sender is known.
        """
        end, signal = case.main_exit, case.signal
        if end is None or signal is None or not meaning(SIGNAL_BASE + signal).crash:
            return False
        return self.observations.may_be_sent(end.pid, signal, end.started_ns, end.at_ns)

    def _is_up(self, source: str, run: Run, ended_ns: int | None) -> bool:
        """
        Return whether a source has missed nothing from shortly before an end on, or since the run began.
        """
        if ended_ns is None:
            return False
        return self.watermarks.is_up_since(source, max(ended_ns - _CRASH_NS, run.began_ns or 0))

    def _is_traced(self, run: Run) -> bool:
        """
        Return whether the trace was read while a command may have ended the run.
        """
        if run.ended_ns is None:
            return False
        return self.watermarks.is_up_since("trace", max(run.ended_ns - _TRACED_FOR_NS, run.began_ns or 0))

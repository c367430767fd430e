"""
One run of a container: which time, which kill and which inspection belongs to it.
"""

from dataclasses import dataclass, field, replace
from typing import Final

from collector.correlate.kill_in_run import KillInRun
from collector.facts.observed import Origin
from parsers.docker_event import DockerAction, DockerEvent
from parsers.docker_inspect import ContainerSnapshot

# Docker logs `start` after it has stamped State.StartedAt, and `die` after State.FinishedAt: 13 to 98 ms later in the
# recordings, up to 4 minutes in a storm on an emulated machine. Runs differ by their ends, not by their starts.
START_LAG_NS: Final = 600 * 1_000_000_000
# A container's process may run before Docker stamps State.StartedAt.
_RUNS_BEFORE_NS: Final = 60 * 1_000_000_000
START_LEAD_NS: Final = 100_000_000
_REMOVED_STATES: Final = frozenset({"removing", "dead"})
# Docker leaves at least so much between two runs.
RESTART_NS: Final = 100_000_000
# The clock of the kernel's log and the wall clock differ by so much, which is less than there is between two runs.
CLOCK_SLACK_NS: Final = 50_000_000
# Docker writes this code where it does not know how a task ended, and Docker 20.10 now and then for a task that ended
# with 0; a program that calls exit(-1) has it too.
LOST_TASK: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalSent:
    """
    A signal that somebody sent through Docker's API.

    Attributes:
        signal: None when a label of the container has replaced its number.
    """

    at_ns: int
    signal: int | None


@dataclass(slots=True, kw_only=True)
class Run:
    """
    One run of a container, from start to end.

    Attributes:
        started_at_ns: State.StartedAt; `start_event_ns` is the stamp of Docker's event.
        main_pid: its first process in the host's numbering.
        signals: what was sent through Docker, in order.
        die_event_ns: when Docker reported the end; `exit_code` is the event's, which a label can forge.
        restarted: Podman has said that it restarts the container, which it says before the end.
        cleanup_ns: when Podman cleaned up after the end.
        after: the first inspect after the end.
        gone: Docker did not know the container any more when asked after the end.
        boot_id: the boot it ran in.
        not_before_ns: when the previous run had ended, if that was seen.
        missed: whether nobody saw the end, and only a comparison showed it.
        origins: readings that must be read again if the end is not published.
        log_tail_requested: its log tail has been requested and has not come.
        log_tail: the last lines of its log.
        log_tail_missing: why there are none.
        ended_command: the command of Podman that noted the end, as journald saw it.
        is_unreported: no engine has reported its end, which only the kernel has shown.
        judged: it has its verdict.
    """

    container_id: str
    started_at_ns: int | None = None
    start_event_ns: int | None = None
    main_pid: int | None = None
    signals: list[SignalSent] = field(default_factory=list)
    oom_events_ns: list[int] = field(default_factory=list)
    die_event_ns: int | None = None
    exit_code: int | None = None
    stop_ns: int | None = None
    destroy_ns: int | None = None
    restarted: bool = False
    cleanup_ns: int | None = None
    after: ContainerSnapshot | None = None
    gone: bool = False
    boot_id: str | None = None
    not_before_ns: int = 0
    missed: bool = False
    origins: list[Origin] = field(default_factory=list)
    log_tail_requested: bool = False
    log_tail: tuple[str, ...] = ()
    log_tail_missing: str | None = None
    ended_command: str | None = None
    is_unreported: bool = False
    judged: bool = False

    @property
    def began_ns(self) -> int | None:
        """
        The best time of its start: State.StartedAt, else Docker's event.
        """
        return self.started_at_ns if self.started_at_ns is not None else self.start_event_ns

    @property
    def ended(self) -> bool:
        """
        Whether its end is known.
        """
        return self.die_event_ns is not None or self.missed

    @property
    def is_cleaned_up(self) -> bool:
        """
        Whether Podman has said that it cleaned up after the end, or that it removed the container.
        """
        return self.cleanup_ns is not None or self.destroy_ns is not None

    @property
    def awaits_docker(self) -> bool:
        """
        Whether its log tail, or Docker's answer about its end, is to come: then it is not judged before its deadline.
        """
        return self.log_tail_requested or not (self.after or self.gone)

    @property
    def ended_ns(self) -> int | None:
        """
        The best time of its end: State.FinishedAt, unless that is before its start; else Docker's event.
        """
        finished_ns = self.after.finished_at_ns if self.after is not None else None
        is_of_run = finished_ns is not None and finished_ns >= (self.started_at_ns or 0)
        return finished_ns if is_of_run else self.die_event_ns

    @property
    def being_removed(self) -> bool | None:
        """
        Whether Docker was removing the container when it was asked after the end; None if it was gone by then.

        `docker rm -f` marks the container before it kills it: one that is not marked was killed by another command.
        """
        return self.after.status in _REMOVED_STATES if self.after is not None and self.after.status else None

    @property
    def reported_exit_code(self) -> int | None:
        """
        The exit code as Docker reported it: State.ExitCode, else that of the event.
        """
        return self.after.exit_code if self.after is not None else self.exit_code

    @property
    def earliest_ns(self) -> int:
        """
        The earliest time of anything in this run; 0 while its start is not known.
        """
        if self.began_ns is None:
            return 0
        lag_ns = _RUNS_BEFORE_NS if self.started_at_ns is not None else START_LAG_NS
        return self.not_before_ns or self.began_ns - lag_ns

    def note_command(self, event: DockerEvent) -> None:
        """
        Note what a command did with this run. Podman says `restart` before the end, Docker after the next start.
        """
        match event.action:
            case DockerAction.STOP:
                self.stop_ns = event.time_ns
            case DockerAction.RESTART if event.engine is not None and not self.ended:
                self.stop_ns, self.restarted = event.time_ns, True
            case DockerAction.CLEANUP if self.ended:
                self.cleanup_ns = event.time_ns
            case _:
                pass

    def had_begun(self, at_ns: int | None) -> bool:
        """
        Return whether a time, on the clock of the kernel log, is not before this run.

        The end of the run before decides, where it was seen: Docker may stamp a start after the first kill.
        """
        return at_ns is None or at_ns >= self.earliest_ns

    def is_over(self, at_ns: int | None, slack_ns: int) -> bool:
        """
        Return whether this run had ended before a time on the clock of the kernel log, which may differ by the slack.
        """
        return None not in (at_ns, self.ended_ns) and (at_ns or 0) > (self.ended_ns or 0) + slack_ns

    def take_signals(self, unseen: "Run | None") -> None:
        """
        Take over the signals that were sent before an inspection showed this run, unless they are older.
        """
        if unseen is not None and self.began_ns is not None:
            self.signals += [sent for sent in unseen.signals if sent.at_ns >= (self.began_ns or 0)]
            self.origins += unseen.origins

    def with_role(self, kill: KillInRun, ended_pid: int | None = None, *, has_init: bool) -> KillInRun:
        """
        Return a kill of this run with the role of its victim: it may have been published before the main process was
        known, or while the main process of the run before was.

        Args:
            kill: the kill.
            ended_pid: the process whose end was the run's; under an init not the init.
            has_init: whether the first process is an init.
        """
        main_pids = {self.main_pid, ended_pid} - {None}
        if not main_pids:
            return kill
        if (kill.process_pid or kill.pid) in main_pids:
            return replace(kill, main_process=True)
        return replace(kill, main_process=False) if kill.main_process is None and not has_init else kill

    def is_start(self, start_event_ns: int) -> bool:
        """
        Return whether a `start` event belongs to this run, which an inspection has shown before.

        Docker's events come in order: after the end of a run, a start is that of another.
        """
        if self.start_event_ns is not None or self.started_at_ns is None or self.die_event_ns is not None:
            return False
        return self.started_at_ns - START_LEAD_NS <= start_event_ns <= self.started_at_ns + START_LAG_NS

    def has_ended_in(self, snapshot: ContainerSnapshot) -> bool:
        """
        Return whether a snapshot of this run shows its end. A process may end just before Docker stamps its start.
        """
        lead_ns = CLOCK_SLACK_NS if self.die_event_ns is not None else 0
        return (snapshot.finished_at_ns or 0) >= (snapshot.started_at_ns or 0) - lead_ns

    def matches(self, snapshot: ContainerSnapshot) -> bool:
        """
        Return whether a snapshot shows this run, not one before or after it.
        """
        if snapshot.started_at_ns is None or snapshot.started_at_ns < self.not_before_ns:
            return False
        if self.started_at_ns is not None:
            return self.started_at_ns == snapshot.started_at_ns
        if self.start_event_ns is not None:
            return -START_LEAD_NS <= self.start_event_ns - snapshot.started_at_ns <= START_LAG_NS
        if self.die_event_ns is not None and snapshot.finished_at_ns is not None:
            return -START_LEAD_NS <= self.die_event_ns - snapshot.finished_at_ns <= START_LAG_NS
        return False

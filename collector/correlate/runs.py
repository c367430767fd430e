"""
One container and its latest runs: which moment, which kill and which inspection belongs to which run.
"""

from dataclasses import dataclass, field, replace
from typing import Final

from collector.correlate.facts import Origin
from parsers.docker_inspect import ContainerSnapshot
from sinks.event import EvidenceSource, Killer, Scope

_RUNS_KEPT: Final = 4
# Docker stamps State.StartedAt, then logs `start`: 13 to 98 ms later in the recordings; a busy host may take longer.
START_LAG_NS: Final = 5 * 1_000_000_000
START_LEAD_NS: Final = 100_000_000
# The clock of the kernel's log and the wall clock differ by so much; between two runs Docker leaves at least 100 ms.
_CLOCK_SLACK_NS: Final = 50_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalSent:
    """
    A signal that somebody sent through Docker's API; None: a label of the container stands where its number was.
    """

    at_ns: int
    signal: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KillInRun:
    """
    An OOM kill of a process of the run, as it was published.
    """

    event_id: str
    at_ns: int | None
    pid: int
    comm: str | None
    main_process: bool | None
    killer: Killer
    scope: Scope | None
    limit_bytes: int | None
    source: EvidenceSource
    text: str


@dataclass(slots=True, kw_only=True)
class Run:
    """
    One run of a container, from start to death.

    Attributes:
        started_at_ns: State.StartedAt; `start_event_ns` is the stamp of Docker's event.
        main_pid: its first process in the host's numbering.
        signals: what was sent through Docker, in order.
        die_event_ns: when Docker reported the end; `exit_code` is the event's, which a label can forge.
        after: the first inspect after the end.
        gone: Docker did not know the container any more when asked after the end.
        boot_id: the boot it ran in.
        not_before_ns: when the run before it was over, if that was seen.
        missed: nobody saw the end; it was found out by comparing.
        origins: readings that must be read again if the end is not published.
        words_asked: its last lines have been asked for and have not come.
        words: its last lines.
        words_missing: why there are none.
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
    after: ContainerSnapshot | None = None
    gone: bool = False
    boot_id: str | None = None
    not_before_ns: int = 0
    missed: bool = False
    origins: list[Origin] = field(default_factory=list)
    words_asked: bool = False
    words: tuple[str, ...] = ()
    words_missing: str | None = None

    @property
    def began_ns(self) -> int | None:
        """
        The best stamp of its start.
        """
        return self.started_at_ns if self.started_at_ns is not None else self.start_event_ns

    @property
    def ended(self) -> bool:
        """
        Whether its end is known.
        """
        return self.die_event_ns is not None or self.missed

    @property
    def ended_ns(self) -> int | None:
        """
        The best stamp of its end: State.FinishedAt, else Docker's event.
        """
        if self.after is not None and self.after.finished_at_ns is not None:
            return self.after.finished_at_ns
        return self.die_event_ns

    def had_begun(self, at_ns: int | None) -> bool:
        """
        Whether a moment, on the clock of the kernel's log, is not before this run.
        """
        if at_ns is None or self.began_ns is None:
            return True
        lag_ns = _CLOCK_SLACK_NS if self.started_at_ns is not None else START_LAG_NS
        return at_ns >= max(self.began_ns - lag_ns, self.not_before_ns)

    def matches(self, snapshot: ContainerSnapshot) -> bool:
        """
        Whether a snapshot shows this run, not one before or after it.
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


@dataclass(slots=True, kw_only=True)
class ContainerRecord:
    """
    One container: the latest snapshot, what events said of it, and its latest runs.

    Attributes:
        attributes: of its events, its labels among them.
        first_attributes: those of its `create` and `start` events: its labels, and what all events have.
    """

    id: str
    name: str | None = None
    image: str | None = None
    attributes: dict[str, str] = field(default_factory=dict)
    first_attributes: frozenset[str] = frozenset()
    snapshot: ContainerSnapshot | None = None
    runs: list[Run] = field(default_factory=list)
    created_event_ns: int | None = None
    start_failure_told: str | None = None
    last_seen_ns: int = 0
    destroyed: bool = False

    @property
    def run(self) -> Run | None:
        """
        The run that goes on, or the last one.
        """
        return self.runs[-1] if self.runs else None

    @property
    def living(self) -> Run | None:
        """
        The run that goes on, if one does.
        """
        return self.runs[-1] if self.runs and not self.runs[-1].ended else None

    def may_be_labelled(self, attribute: str) -> bool:
        """
        Whether a label of the container may stand where an event has this attribute: Docker copies labels over them.
        """
        if self.snapshot is not None:
            return attribute in self.snapshot.labels
        return attribute in self.first_attributes

    def has_forgotten(self, snapshot: ContainerSnapshot) -> bool:
        """
        Whether a snapshot shows a run older than the oldest that is kept.
        """
        return bool(self.runs) and (snapshot.started_at_ns or 0) < self.runs[0].not_before_ns

    def run_at(self, at_ns: int | None) -> Run | None:
        """
        The run to which a moment belongs: the latest that had begun by then.
        """
        if at_ns is None:
            return self.run
        return next((run for run in reversed(self.runs) if run.had_begun(at_ns)), None)

    def run_of(self, kill: KillInRun) -> Run | None:
        """
        The run that lost a process: its main process tells, else the time.
        """
        own = (run for run in reversed(self.runs) if run.main_pid == kill.pid and run.had_begun(kill.at_ns))
        return next(own, None) or self.run_at(kill.at_ns)

    def begin(self, run: Run) -> Run:
        """
        Add a run; the oldest are forgotten.
        """
        last = self.run
        if last is not None and last.die_event_ns is not None:
            run.not_before_ns = last.die_event_ns + _CLOCK_SLACK_NS
        self.runs.append(run)
        del self.runs[:-_RUNS_KEPT]
        return run


def without_state(snapshot: ContainerSnapshot) -> ContainerSnapshot:
    """
    The part of a snapshot that was true from the container's creation on: its configuration.
    """
    return replace(
        snapshot,
        pid=None,
        status="created",
        running=False,
        oom_killed=False,
        exit_code=0,
        error="",
        started_at_ns=None,
        finished_at_ns=None,
    )

"""
What is known of each container before it dies: its metadata and its runs.

Metadata is held from the first sight of a container until a while after its end, because it is gone from Docker when
it is needed: `--rm` containers cannot be inspected after their death, and a restart policy overwrites the state of
the last run within 100 ms. Nothing here judges; it only keeps.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from collector.correlate.facts import Origin, ProcessExited
from parsers.docker_event import DockerAction, DockerEvent
from parsers.docker_inspect import ContainerSnapshot
from sinks.event import EvidenceSource, Killer, Scope

_FORGET_AFTER_NS: Final = 600 * 1_000_000_000
_RUNS_KEPT: Final = 4
_KILLS_KEPT: Final = 64
# Docker stamps State.StartedAt, then logs `start`: 13 to 98 ms later in the recordings; a busy host may take longer.
START_LAG_NS: Final = 5 * 1_000_000_000
START_LEAD_NS: Final = 100_000_000
# The clock of the kernel's log and the wall clock differ by so much; between two runs Docker leaves at least 100 ms.
_CLOCK_SLACK_NS: Final = 50_000_000
_CONTAINERS_KEPT: Final = 2048
_RUNTIME_HELPERS: Final = "runc:["
_EXITS_KEPT: Final = 64
# Docker stamps the end of a run up to a second after its main process has ended.
_EXIT_LEAD_NS: Final = 5 * 1_000_000_000


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


class ContainerBook:
    """
    Every container of the host that Docker told of, and the OOM kills in each: those may be known before Docker tells.
    """

    def __init__(self) -> None:
        self._records: dict[str, ContainerRecord] = {}
        self._kills: OrderedDict[str, list[KillInRun]] = OrderedDict()
        self._exits: OrderedDict[str, deque[ProcessExited]] = OrderedDict()

    def __iter__(self) -> Iterator[ContainerRecord]:
        return iter(self._records.values())

    def get(self, container_id: str) -> ContainerRecord | None:
        """
        What is known of a container, by its full id.
        """
        return self._records.get(container_id)

    def open(self, container_id: str, now_ns: int) -> ContainerRecord:
        """
        What is known of a container, or a new record.
        """
        record = self._records.get(container_id)
        if record is None:
            record = self._records[container_id] = ContainerRecord(id=container_id)
        record.last_seen_ns = now_ns
        return record

    def learn_event(self, event: DockerEvent, now_ns: int) -> ContainerRecord:
        """
        Keep the name, image and labels that every container event carries.
        """
        record = self.open(event.container_id, now_ns)
        record.name = event.name or record.name
        record.image = event.image or record.image
        record.attributes.update(event.attributes)
        if event.action in (DockerAction.CREATE, DockerAction.START):
            record.first_attributes |= event.attributes.keys()
        return record

    def learn_snapshot(self, snapshot: ContainerSnapshot, now_ns: int) -> ContainerRecord:
        """
        Keep what inspect said; the name and labels in it are the truth.
        """
        record = self.open(snapshot.id, now_ns)
        record.snapshot = snapshot
        record.name = snapshot.name or record.name
        record.image = snapshot.image_name or record.image
        return record

    def keep_kill(self, container_id: str, kill: KillInRun) -> None:
        """
        Keep a kill once; the first and the latest of a container are kept when there are very many.
        """
        kills = self._kills.setdefault(container_id, [])
        self._kills.move_to_end(container_id)
        if any(known.event_id == kill.event_id and known.pid == kill.pid for known in kills):
            return
        if len(kills) >= _KILLS_KEPT:
            del kills[_KILLS_KEPT // 2]
        kills.append(kill)
        if len(self._kills) > _CONTAINERS_KEPT:
            self._kills.popitem(last=False)

    def kills_of(self, record: ContainerRecord, run: Run) -> tuple[KillInRun, ...]:
        """
        The kills in one run of a container.
        """
        kills = (kill for kill in self._kills.get(record.id, ()) if record.run_of(kill) is run)
        return tuple(
            replace(kill, main_process=True) if kill.main_process is None and kill.pid == run.main_pid else kill
            for kill in kills
        )

    def keep_exit(self, container_id: str, exited: ProcessExited) -> None:
        """
        Keep how a process of a container ended; only the latest are kept.
        """
        self._exits.setdefault(container_id, deque(maxlen=_EXITS_KEPT)).append(exited)
        self._exits.move_to_end(container_id)
        if len(self._exits) > _CONTAINERS_KEPT:
            self._exits.popitem(last=False)

    def main_exit_of(self, record: ContainerRecord, run: Run) -> ProcessExited | None:
        """
        How the main process of a run ended; under an init: the process that init ran, if its end is the run's.
        """
        code = run.after.exit_code if run.after is not None else run.exit_code
        ends = [
            exited
            for exited in reversed(self._exits.get(record.id, ()))
            if run.had_begun(exited.at_ns) and _is_near(exited.at_ns, run.ended_ns)
        ]
        if run.main_pid is None:
            main = _first_process(ends, code)
        else:
            main = next((exited for exited in ends if exited.pid == run.main_pid), None)
        main_pid = run.main_pid if main is None else main.pid
        if main_pid is not None and record.snapshot is not None and record.snapshot.init:
            return next((exited for exited in ends if exited.parent_pid == main_pid and _gives(exited, code)), main)
        return main

    def forget(self, now_ns: int) -> None:
        """
        Let go of containers that were removed long enough ago for all their events to be out.
        """
        old = [
            record.id
            for record in self._records.values()
            if record.destroyed and now_ns - record.last_seen_ns > _FORGET_AFTER_NS
        ]
        for container_id in old:
            del self._records[container_id]
            self._kills.pop(container_id, None)
            self._exits.pop(container_id, None)


def _is_near(at_ns: int, ended_ns: int | None) -> bool:
    return ended_ns is None or -_EXIT_LEAD_NS <= ended_ns - at_ns <= _EXIT_LEAD_NS


def _first_process(ends: Iterable[ProcessExited], exit_code: int | None) -> ProcessExited | None:
    """
    The main process of a run that was over before Docker could tell its pid: the only one that nobody in the container
    had started and that ended as the run did.
    """
    found = [
        exited
        for exited in ends
        if not exited.ancestors and not (exited.comm or "").startswith(_RUNTIME_HELPERS) and _gives(exited, exit_code)
    ]
    return found[0] if len(found) == 1 else None


def _gives(exited: ProcessExited, exit_code: int | None) -> bool:
    """
    Whether an init that ends as its child did gives this exit code.
    """
    if exited.status is None or exit_code is None:
        return False
    return exit_code == (128 + exited.status.signal if exited.status.signal is not None else exited.status.exit_code)


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

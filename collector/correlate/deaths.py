"""
From Docker's events and inspections to ended runs.

A run ends with Docker's `die`, or, where nobody saw that, by comparing what was known with what `docker inspect` says
now.
"""

from typing import Final

from collector.correlate.book import ContainerBook
from collector.correlate.facts import (
    ContainerGoneFact,
    LastWordsAsked,
    LastWordsFact,
    Origin,
    RememberedRunFact,
    SnapshotFact,
)
from collector.correlate.open_cases import JudgedDeath, OpenCases
from collector.correlate.pid_index import PidIndex
from collector.correlate.runs import START_LAG_NS, START_LEAD_NS, ContainerRecord, Run, SignalSent
from collector.correlate.witnesses import Witnesses
from parsers.docker_event import DockerAction, DockerEvent
from parsers.docker_inspect import ContainerSnapshot

# A signal that has not ended its container after a minute will not be asked for again after a restart of the agent.
_SIGNAL_HELD_NS: Final = 60_000_000_000
_START_FAILURES: Final = range(125, 129)
_NO_WORDS: Final = "Docker did not give its logs in time."


class Deaths:
    """
    The runs of one host and their ends.

    Args:
        book: the containers.
        pids: learns the main processes.
        witnesses: who sent which signal; read only.
        boot_id: this boot of the host.
        booted_ns: when it began, wall clock.

    Attributes:
        cases: the ends that are not judged yet.
    """

    def __init__(
        self,
        book: ContainerBook,
        pids: PidIndex,
        witnesses: Witnesses,
        boot_id: str | None,
        booted_ns: int | None,
    ) -> None:
        self.cases = OpenCases(book, witnesses, boot_id, booted_ns)
        self._book = book
        self._pids = pids
        self._boot_id = boot_id

    def feed_event(self, event: DockerEvent, now_ns: int, origin: Origin | None) -> None:
        """
        Take one of Docker's events.
        """
        record = self._book.learn_event(event, now_ns)
        match event.action:
            case DockerAction.CREATE:
                record.created_event_ns = event.time_ns
            case DockerAction.START:
                self._started(record, event, now_ns)
            case DockerAction.KILL | DockerAction.OOM:
                self._note(record, event, origin)
            case DockerAction.DIE:
                self._died(record, event, now_ns, origin)
            case DockerAction.STOP:
                _ended_by(record, event)
            case DockerAction.DESTROY:
                self._destroyed(record, event, now_ns)
            case _:
                pass  # the rest only carries names and labels

    def feed_snapshot(self, fact: SnapshotFact, now_ns: int, origin: Origin | None) -> None:
        """
        Compare what inspect says with what is known.
        """
        snapshot = fact.snapshot
        record = self._book.learn_snapshot(snapshot, now_ns)
        if snapshot.started_at_ns is None:
            self._check_start_failure(record, snapshot, now_ns, origin)
            return
        if record.has_forgotten(snapshot):
            return  # asked for long ago, in a container that is restarted again and again
        run = next((known for known in reversed(record.runs) if known.matches(snapshot)), None)
        if snapshot.running:
            self._saw_running(record, run, snapshot, now_ns, origin)
        elif run is not None:
            self._saw_ended(record, run, snapshot, now_ns, origin)
        elif fact.ended_unseen and record.living is None:
            run = record.begin(Run(container_id=record.id, boot_id=fact.boot_id))
            self._saw_ended(record, run, snapshot, now_ns, origin)

    def feed_gone(self, fact: ContainerGoneFact, now_ns: int, origin: Origin | None) -> None:
        """
        Docker does not know a container any more.
        """
        record = self._book.get(fact.container_id)
        if record is None:
            return
        record.last_seen_ns = now_ns
        run = record.run
        if run is not None:
            run.gone = True
            if not run.ended:
                self._missed(record, run, now_ns, origin)
        record.destroyed = True

    def feed_words(self, fact: LastWordsAsked | LastWordsFact) -> None:
        """
        The last lines of a run were asked for, or have come; after its death has been told they are of no use.
        """
        record = self._book.get(fact.container_id)
        runs = record.runs if record is not None else ()
        run = next((run for run in runs if run.die_event_ns == fact.die_event_ns), None)
        if run is None:
            return
        run.words_asked = isinstance(fact, LastWordsAsked)
        if isinstance(fact, LastWordsFact):
            run.words, run.words_missing = fact.lines, fact.missing
        else:
            run.words_missing = _NO_WORDS

    def feed_remembered(self, fact: RememberedRunFact, now_ns: int) -> None:
        """
        Take up a run that was going on when the agent was last here.
        """
        record = self._book.open(fact.container_id, now_ns)
        record.name, record.image = fact.name, fact.image
        run = Run(container_id=fact.container_id, boot_id=fact.boot_id, main_pid=fact.main_pid)
        run.started_at_ns = fact.started_at_ns
        record.begin(run)
        if fact.main_pid is not None and fact.boot_id == self._boot_id:
            self._pids.learn_main(fact.container_id, fact.main_pid, fact.started_at_ns)

    def tick(self, now_ns: int) -> list[JudgedDeath]:
        """
        Judge what can be judged now.
        """
        return self._forget_pids(self.cases.tick(now_ns))

    def flush(self) -> list[JudgedDeath]:
        """
        The input is at its end: judge everything with what is known.
        """
        return self._forget_pids(self.cases.flush())

    def held(self, wall_ns: int) -> list[Origin]:
        """
        Readings that must come again if the agent dies now: of ends not yet told, and of signals that may still work.
        """
        origins = self.cases.held()
        for record in self._book:
            run = record.living
            if run is not None and run.signals and wall_ns - run.signals[-1].at_ns < _SIGNAL_HELD_NS:
                origins += run.origins
        return origins

    def _started(self, record: ContainerRecord, event: DockerEvent, now_ns: int) -> None:
        run = record.run
        if run is not None and _is_start_of(run, event.time_ns):
            run.start_event_ns = event.time_ns
            return
        if run is not None and not run.ended:
            self._missed(record, run, now_ns, None)
        record.begin(Run(container_id=record.id, start_event_ns=event.time_ns, boot_id=self._boot_id))

    def _note(self, record: ContainerRecord, event: DockerEvent, origin: Origin | None) -> None:
        run = record.run
        if run is None:
            run = record.begin(Run(container_id=record.id, boot_id=self._boot_id))
        if event.action is DockerAction.OOM:
            run.oom_events_ns.append(event.time_ns)
            del run.oom_events_ns[:-16]
            return
        run.signals.append(SignalSent(at_ns=event.time_ns, signal=_trusted(record, "signal", event.signal)))
        del run.signals[:-16]
        if origin is not None:
            run.origins.append(origin)
            del run.origins[:-16]

    def _died(self, record: ContainerRecord, event: DockerEvent, now_ns: int, origin: Origin | None) -> None:
        run = record.run
        if run is not None and run.die_event_ns is not None:
            return  # a second exit of the same task, from a shim that was restarted
        if run is None:
            run = record.begin(Run(container_id=record.id, boot_id=self._boot_id))
        told = run.missed
        run.die_event_ns = event.time_ns
        run.exit_code = _trusted(record, "exitCode", event.exit_code)
        if not told:
            self.cases.open(record, run, now_ns, origin)

    def _destroyed(self, record: ContainerRecord, event: DockerEvent, now_ns: int) -> None:
        record.destroyed = True
        run = record.run
        if run is not None:
            run.destroy_ns = event.time_ns
            run.gone = run.gone or run.after is None
            if not run.ended:
                self._missed(record, run, now_ns, None)
        elif record.start_failure_told is None and record.snapshot is not None and record.snapshot.auto_remove:
            self._never_started(record, now_ns, None)

    def _saw_running(
        self,
        record: ContainerRecord,
        run: Run | None,
        snapshot: ContainerSnapshot,
        now_ns: int,
        origin: Origin | None,
    ) -> None:
        if run is None:
            last = record.living
            if last is not None:
                self._missed(record, last, now_ns, origin)
            run = record.begin(Run(container_id=record.id, boot_id=self._boot_id))
        run.started_at_ns = snapshot.started_at_ns
        if snapshot.pid is not None:
            run.main_pid = snapshot.pid
            self._pids.learn_main(record.id, snapshot.pid, snapshot.started_at_ns)

    def _saw_ended(
        self,
        record: ContainerRecord,
        run: Run,
        snapshot: ContainerSnapshot,
        now_ns: int,
        origin: Origin | None,
    ) -> None:
        run.started_at_ns = snapshot.started_at_ns
        if snapshot.finished_at_ns is None or snapshot.finished_at_ns < (snapshot.started_at_ns or 0):
            return
        if run.after is None:
            run.after = snapshot
        if not run.ended:
            self._missed(record, run, now_ns, origin)

    def _check_start_failure(
        self, record: ContainerRecord, snapshot: ContainerSnapshot, now_ns: int, origin: Origin | None
    ) -> None:
        failed = bool(snapshot.error) and snapshot.exit_code in _START_FAILURES
        if failed and record.start_failure_told is None and not record.runs:
            self._never_started(record, now_ns, origin)

    def _never_started(self, record: ContainerRecord, now_ns: int, origin: Origin | None) -> None:
        snapshot = record.snapshot
        record.start_failure_told = (snapshot.error if snapshot is not None else None) or "removed"
        run = Run(container_id=record.id, boot_id=self._boot_id, missed=True, after=snapshot)
        record.begin(run)
        self.cases.open(record, run, now_ns, origin)

    def _missed(self, record: ContainerRecord, run: Run, now_ns: int, origin: Origin | None) -> None:
        """
        A run ended and nobody saw it; Docker's event of it may still be on its way.
        """
        run.missed = True
        self.cases.open(record, run, now_ns, origin)

    def _forget_pids(self, judged: list[JudgedDeath]) -> list[JudgedDeath]:
        for death in judged:
            if death.run.main_pid is not None:
                self._pids.forget(death.run.main_pid, death.run.ended_ns)
        return judged


def _is_start_of(run: Run, start_event_ns: int) -> bool:
    """
    Whether a start event is of a run that an inspection has shown before.
    """
    if run.start_event_ns is not None or run.started_at_ns is None:
        return False
    return run.started_at_ns - START_LEAD_NS <= start_event_ns <= run.started_at_ns + START_LAG_NS


def _ended_by(record: ContainerRecord, event: DockerEvent) -> None:
    if record.run is not None:
        record.run.stop_ns = event.time_ns


def _trusted(record: ContainerRecord, key: str, value: int | None) -> int | None:
    """
    An attribute of an event, unless a label of the same name has replaced it.
    """
    return None if record.may_be_labelled(key) else value

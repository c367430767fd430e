"""
From Docker's events and inspections to ended runs.

A run ends with Docker's `die` event. Where nobody saw that, a comparison of what was known with what `docker inspect`
says now shows the end.
"""

from collections.abc import Sequence
from typing import Final

from collector.correlate.container_record import ContainerRecord
from collector.correlate.findings import Death
from collector.correlate.inventory import ContainerInventory
from collector.correlate.pending_deaths import PendingDeaths
from collector.correlate.pid_index import PidIndex
from collector.correlate.published_ends import PublishedEnds
from collector.correlate.runs import Run, SignalSent
from collector.facts.observed import ContainerGoneFact, LogTailFact, LogTailRequestedFact, Origin, SnapshotFact
from collector.facts.restored import RestoredDeathFact, RestoredRunFact
from parsers.docker_event import DockerAction, DockerEvent
from parsers.docker_inspect import ContainerSnapshot

# A signal that has not ended its container after a minute need not be read again after a restart of the agent.
_SIGNAL_HELD_NS: Final = 60_000_000_000
_START_FAILURES: Final = range(125, 129)
_NO_LOG_TAIL: Final = "Docker did not give its logs in time."


class Deaths:
    """
    Follows the runs of one host to their ends.

    Args:
        inventory: the containers.
        pids: learns the main processes.
        pending: takes the runs that have ended.
        boot_id: this boot of the host.
    """

    def __init__(
        self, inventory: ContainerInventory, pids: PidIndex, pending: PendingDeaths, boot_id: str | None
    ) -> None:
        self._pending = pending
        self._inventory = inventory
        self._pids = pids
        self._boot_id = boot_id
        self._published_ends = PublishedEnds()
        # Containers whose current run may have a signal, so that not all of them are looked at.
        self._signalled: dict[str, ContainerRecord] = {}

    def feed_event(self, event: DockerEvent, now_ns: int, origin: Origin | None) -> None:
        """
        Take one of Docker's events.
        """
        if not self._inventory.is_news(event):
            return
        self._pending.container_changed(event.container_id)
        record = self._inventory.learn_event(event, now_ns)
        match event.action:
            case DockerAction.CREATE:
                record.created_event_ns = event.time_ns
            case DockerAction.START:
                self._started(record, event, now_ns)
            case DockerAction.KILL | DockerAction.OOM:
                self._add_signal(record, event, origin)
            case DockerAction.DIE:
                self._died(record, event, now_ns, origin)
            case DockerAction.STOP | DockerAction.RESTART | DockerAction.CLEANUP:
                if record.run is not None:
                    record.run.note_command(event)
            case DockerAction.DESTROY:
                self._destroyed(record, event, now_ns)
            case _:
                pass  # the rest only carries names and labels

    def feed_snapshot(self, fact: SnapshotFact, now_ns: int, origin: Origin | None) -> None:
        """
        Compare the answer of `docker inspect` with what is known.
        """
        if not self._inventory.admits(fact.snapshot.id, fact.engine, is_proof=True):
            return
        self._pending.container_changed(fact.snapshot.id)
        snapshot = fact.snapshot
        record = self._inventory.learn_snapshot(snapshot, now_ns)
        record.cgroup = fact.cgroup or record.cgroup
        record.learn_engine(fact.engine, is_proof=True)
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
            run = self._begin(record, Run(container_id=record.id, boot_id=fact.boot_id))
            self._saw_ended(record, run, snapshot, now_ns, origin)

    def feed_gone(self, fact: ContainerGoneFact, now_ns: int, origin: Origin | None) -> None:
        """
        Note that Docker no longer knows a container.
        """
        record = self._inventory.get(fact.container_id)
        if record is None or not record.may_be_gone(fact.engine):
            return
        self._pending.container_changed(fact.container_id)
        record.last_seen_ns = now_ns
        run = record.run
        if run is not None:
            run.gone = True
            if not run.ended:
                self._missed(record, run, now_ns, origin)
        record.destroyed = True

    def feed_log_tail(self, fact: LogTailRequestedFact | LogTailFact) -> None:
        """
        Note that the log tail of a run was requested, or has come; it is of no use after its death was published.
        """
        self._pending.container_changed(fact.container_id)
        record = self._inventory.get(fact.container_id)
        runs = record.runs if record is not None else ()
        run = next((run for run in runs if run.die_event_ns == fact.die_event_ns), None)
        if run is None or run.judged:
            return
        run.log_tail_requested = isinstance(fact, LogTailRequestedFact)
        if isinstance(fact, LogTailFact):
            run.log_tail, run.log_tail_missing = fact.lines, fact.missing
        else:
            run.log_tail_missing = _NO_LOG_TAIL

    def feed_restored(self, fact: RestoredRunFact | RestoredDeathFact, now_ns: int) -> None:
        """
        Restore a run that had not ended when the agent last stopped, or a death that was published before.

        The run of that death is not published again.
        """
        if isinstance(fact, RestoredDeathFact):
            self._published_ends.add(fact)
            return
        self._pending.container_changed(fact.container_id)
        record = self._inventory.get_or_add(fact.container_id, now_ns)
        record.name, record.image = fact.name, fact.image
        record.learn_engine(fact.engine, is_proof=True)
        run = Run(container_id=fact.container_id, boot_id=fact.boot_id, main_pid=fact.main_pid)
        run.started_at_ns = fact.started_at_ns
        self._begin(record, run)
        if fact.main_pid is not None and fact.boot_id == self._boot_id:
            self._pids.learn_main(fact.container_id, fact.main_pid, fact.started_at_ns)

    def tick(self, now_ns: int, unpublished_ns: Sequence[int] = ()) -> list[Death]:
        """
        Judge the runs that have changed and those whose deadline has come; arguments as for `PendingDeaths.tick`.
        """
        return self._new(self._pending.tick(now_ns, unpublished_ns))

    def flush(self) -> list[Death]:
        """
        End the input: judge everything, with what is known.
        """
        return self._new(self._pending.flush())

    def held(self, wall_ns: int) -> list[Origin]:
        """
        Return the readings that must be read again if the agent dies now: those of pending ends and of recent signals.
        """
        origins = self._pending.held()
        for record in list(self._signalled.values()):
            run = record.living
            if run is not None and run.signals and wall_ns - run.signals[-1].at_ns < _SIGNAL_HELD_NS:
                origins += run.origins
            else:
                del self._signalled[record.id]
        return origins

    def _begin(self, record: ContainerRecord, run: Run) -> Run:
        return record.begin(run, self._published_ends.last_ns(record.id, before_ns=run.began_ns or 0) or None)

    def _started(self, record: ContainerRecord, event: DockerEvent, now_ns: int) -> None:
        record.take_unseen()
        run = record.run
        if run is not None and run.is_start(event.time_ns):
            run.start_event_ns = event.time_ns
            return
        if run is not None and not run.ended:
            self._missed(record, run, now_ns, None)
        self._begin(record, Run(container_id=record.id, start_event_ns=event.time_ns, boot_id=self._boot_id))

    def _add_signal(self, record: ContainerRecord, event: DockerEvent, origin: Origin | None) -> None:
        run = record.run
        if run is None:
            run = self._begin(record, Run(container_id=record.id, boot_id=self._boot_id))
        if event.action is DockerAction.OOM:
            run.oom_events_ns.append(event.time_ns)
            del run.oom_events_ns[:-16]
            return
        self._signalled[record.id] = record
        run.signals.append(SignalSent(at_ns=event.time_ns, signal=record.trusted("signal", event.signal)))
        del run.signals[:-16]
        if origin is not None:
            run.origins.append(origin)
            del run.origins[:-16]

    def _died(self, record: ContainerRecord, event: DockerEvent, now_ns: int, origin: Origin | None) -> None:
        run = record.run
        if run is not None and run.die_event_ns is not None:
            return  # a second exit of the same task, from a shim that was restarted
        if run is None:
            run = self._begin(record, Run(container_id=record.id, boot_id=self._boot_id))
        is_pending = run.missed
        run.die_event_ns, run.ended_command = event.time_ns, event.command
        run.exit_code = record.trusted("exitCode", event.exit_code)
        if not is_pending:
            self._pending.add(record, run, now_ns, origin)

    def _destroyed(self, record: ContainerRecord, event: DockerEvent, now_ns: int) -> None:
        record.destroyed = True
        if self._published_ends.knows(record.id):
            record.take_unseen()
        run = record.run
        if run is not None:
            run.destroy_ns = event.time_ns
            run.gone = run.gone or run.after is None
            if not run.ended:
                self._missed(record, run, now_ns, None)
        elif record.start_failure_published is None and record.snapshot is not None and record.snapshot.auto_remove:
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
            unseen = record.take_unseen()
            last = record.living
            if last is not None and (snapshot.started_at_ns or 0) < last.not_before_ns:
                return  # an answer from before this run, of a run whose start was not seen
            if last is not None:
                self._missed(record, last, now_ns, origin)
            run = Run(container_id=record.id, boot_id=self._boot_id, started_at_ns=snapshot.started_at_ns)
            self._begin(record, run).take_signals(unseen)
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
        if not run.has_ended_in(snapshot):
            return
        if run.after is None:
            run.after = snapshot
        if not run.ended:
            self._missed(record, run, now_ns, origin)

    def _check_start_failure(
        self, record: ContainerRecord, snapshot: ContainerSnapshot, now_ns: int, origin: Origin | None
    ) -> None:
        failed = bool(snapshot.error) and snapshot.exit_code in _START_FAILURES
        if failed and record.start_failure_published is None and not record.runs:
            self._never_started(record, now_ns, origin)

    def _never_started(self, record: ContainerRecord, now_ns: int, origin: Origin | None) -> None:
        snapshot = record.snapshot
        record.start_failure_published = (snapshot.error if snapshot is not None else None) or "removed"
        run = Run(container_id=record.id, boot_id=self._boot_id, missed=True, after=snapshot)
        self._begin(record, run)
        self._pending.add(record, run, now_ns, origin)

    def _missed(self, record: ContainerRecord, run: Run, now_ns: int, origin: Origin | None) -> None:
        """
        Queue a run whose end nobody saw; Docker's event about it may still be on its way.
        """
        run.missed = True
        self._pending.add(record, run, now_ns, origin)

    def _new(self, judged: list[Death]) -> list[Death]:
        """
        Forget the pids of the runs that have been judged; return the deaths that are not published yet.
        """
        for death in judged:
            if death.run.main_pid is not None:
                self._pids.forget(death.run.main_pid, death.run.ended_ns)
        return [death for death in judged if not self._published_ends.includes(death.run)]

"""
The inventory of the host's containers: what is known of each before it dies.

Metadata is kept from the first sight of a container until a while after its end, because Docker no longer has it when
it is needed: `--rm` containers cannot be inspected after their death, and a restart policy overwrites the state of
the last run within 100 ms. The inventory draws no conclusions.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from signal import SIGKILL
from typing import Final

from collector.correlate.container_record import ContainerRecord
from collector.correlate.crash_in_run import CrashInRun
from collector.correlate.engine_admission import Admission, admission
from collector.correlate.host_events import HostEvents
from collector.correlate.kill_in_run import KillInRun
from collector.correlate.main_exits import MainExit, find_main_exit
from collector.correlate.printed_lines import PrintedLines
from collector.correlate.repeated_events import RepeatedEvents
from collector.correlate.runs import CLOCK_SLACK_NS, RESTART_NS, Run
from collector.facts.lru import LruQueues
from collector.facts.observed import ProcessExitedFact
from parsers.cgroup_path import ContainerRef, is_delegated
from parsers.docker_event import DockerAction, DockerEvent
from parsers.docker_inspect import ContainerSnapshot
from parsers.engine import ContainerEngine
from parsers.kernel import Frame

# Nothing waits longer than a minute for its sources (CAP_NS of watermarks.py).
_FORGET_AFTER_NS: Final = 180 * 1_000_000_000
_FORGET_EVERY_NS: Final = 10 * 1_000_000_000
# The records of a storm: some kilobytes each. Late evidence of a death comes within seconds.
_ENDED_KEPT: Final = 8192
# Of those that are not removed, so many stay longer: `docker start` may begin their next run.
_ENDED_KEPT_LONG: Final = 512
_FORGOTTEN_AT_ONCE: Final = 512
_KILLS_KEPT: Final = 64
_CONTAINERS_KEPT: Final = 2048
_EXITS_KEPT: Final = 64
_CRASHES_KEPT: Final = 16
# The kernel prints a kill before the process is gone; its clock may differ from Docker's by less than this.
_KILL_LATE_NS: Final = 1_000_000_000


class ContainerInventory:
    """
    The containers that Docker has named, and the OOM kills and exits in each; those may come before Docker's event.

    Attributes:
        host_events: the latest errors of the host itself.
        printed_lines: when its kernel printed lines about crashes.
    """

    def __init__(self) -> None:
        # Those that were seen last come last.
        self._records: OrderedDict[str, ContainerRecord] = OrderedDict()
        self._forget_due_ns = 0
        self._full_at = _ENDED_KEPT
        self._repeated = RepeatedEvents()
        self._kills: OrderedDict[str, list[KillInRun]] = OrderedDict()
        self._exits: LruQueues[str, ProcessExitedFact] = LruQueues(_CONTAINERS_KEPT, of_each=_EXITS_KEPT)
        self.host_events = HostEvents()
        self.printed_lines = PrintedLines()
        self._crashes: LruQueues[str, CrashInRun] = LruQueues(_CONTAINERS_KEPT, of_each=_CRASHES_KEPT)

    def __iter__(self) -> Iterator[ContainerRecord]:
        return iter(self._records.values())

    def get(self, container_id: str) -> ContainerRecord | None:
        """
        Return what is known of a container, by its full id.
        """
        return self._records.get(container_id)

    def get_or_add(self, container_id: str, now_ns: int) -> ContainerRecord:
        """
        Return what is known of a container, or a new record.
        """
        record = self._records.get(container_id)
        if record is None:
            record = self._records[container_id] = ContainerRecord(id=container_id)
        self._records.move_to_end(container_id)
        record.last_seen_ns = now_ns
        return record

    def learn_event(self, event: DockerEvent, now_ns: int) -> ContainerRecord:
        """
        Keep the name, image and labels that every container event carries.
        """
        record = self.get_or_add(event.container_id, now_ns)
        record.learn_engine(event.engine, is_proof=event.is_vouched)
        record.name = event.name or record.name
        record.image = event.image or record.image
        record.attributes.update(event.attributes)
        if event.action in (DockerAction.CREATE, DockerAction.START) and record.snapshot is None:
            record.first_attributes = record.first_attributes.union(event.attributes)
        return record

    def learn_snapshot(self, snapshot: ContainerSnapshot, now_ns: int) -> ContainerRecord:
        """
        Keep a snapshot; its name and labels are more reliable than those of events.
        """
        record = self.get_or_add(snapshot.id, now_ns)
        before = record.snapshot
        known = before.layers if before is not None else ()  # the engine may not name them after the end
        record.snapshot = replace(snapshot, layers=known) if known and not snapshot.layers else snapshot
        record.first_attributes = frozenset()  # the snapshot has the labels
        record.name = snapshot.name or record.name
        record.image = snapshot.image_name or record.image
        return record

    def admits(self, container_id: str, engine: ContainerEngine | None, *, is_proof: bool) -> bool:
        """
        Return whether an engine may speak of a container; what another one has claimed before may be forgotten.

        Args:
            container_id: the container.
            engine: the engine; None is the host's Docker.
            is_proof: whether it is proven that the engine runs the container.
        """
        record = self._records.get(container_id)
        if record is None:
            return True
        found = admission(record.engine, engine, is_known_proven=record.is_engine_proven, is_proof=is_proof)
        if found is Admission.TAKES_OVER:
            del self._records[container_id]
        elif found is Admission.CORRECTS:
            record.engine = engine
        return found is not Admission.REFUSED

    def is_news(self, event: DockerEvent) -> bool:
        """
        Return whether an event tells something new: its engine may speak of the container, and no other source has
        brought it. What a repeated one adds is kept: only Podman's service names the pod, and only journald the
        command.
        """
        if not self.admits(event.container_id, event.engine, is_proof=event.is_vouched):
            return False
        if not self._repeated.includes(event):
            return True
        record = self._records.get(event.container_id)
        if record is not None:
            record.learn_engine(event.engine, is_proof=event.is_vouched)
            record.attributes = {**event.attributes, **record.attributes}
            if event.command is not None and record.run is not None and record.run.die_event_ns == event.time_ns:
                record.run.ended_command = event.command
        return False

    def drop_false_claim(self, ref: ContainerRef) -> None:
        """
        Forget what a user's engine said of a container whose cgroup only root can have made.

        Args:
            ref: the outermost container of a path: in a container its root makes the cgroups.
        """
        record = self._records.get(ref.id)
        is_claimed = record is not None and record.engine is not None and record.engine.is_of_user
        if is_claimed and ref.cgroup is not None and not is_delegated(ref.cgroup):
            del self._records[ref.id]

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

    def kills_of(self, record: ContainerRecord, run: Run, ended_pid: int | None = None) -> tuple[KillInRun, ...]:
        """
        Return the kills in one run of a container, the oldest first, whichever source was read first.

        Args:
            record: the container.
            run: the run.
            ended_pid: the process whose end was the run's, as `main_exit_of` found it.
        """
        has_init = record.snapshot is not None and bool(record.snapshot.init)
        kills = [
            run.with_role(kill, ended_pid, has_init=has_init)
            for kill in self._kills.get(record.id, ())
            if record.run_of(kill) is run and not run.is_over(kill.at_ns, _KILL_LATE_NS)
        ]
        return tuple(sorted(kills, key=lambda kill: kill.at_ns or 0))

    def keep_exit(self, container_id: str, exited: ProcessExitedFact) -> None:
        """
        Keep how a process of a container ended; only the latest are kept.
        """
        self._exits.add(container_id, exited)

    def keep_crash(self, container_id: str, crash: CrashInRun) -> None:
        """
        Keep the line about a crash in a container; only the latest are kept.
        """
        self._crashes.add(container_id, crash)

    def add_frames(self, container_id: str, pid: int, frames: tuple[Frame, ...]) -> None:
        """
        Add the stack of a core dump to the latest crash of a process.
        """
        of_pid = (crash for crash in reversed(self._crashes.get(container_id, ())) if crash.pid == pid)
        crash = next(of_pid, None)
        if crash is not None:
            self._crashes.add(container_id, replace(crash, notice=replace(crash.notice, frames=frames)))

    def crash_of(self, record: ContainerRecord, run: Run, exited: ProcessExitedFact | None) -> CrashInRun | None:
        """
        Return the line about the crash of the main process in a run.

        Args:
            record: the container.
            run: the run.
            exited: the end of the main process; None where it was not seen.
        """
        pids = {exited.pid} if exited is not None else {run.main_pid, None}
        of_pid = (crash for crash in reversed(self._crashes.get(record.id, ())) if crash.pid in pids)
        in_run = (
            crash for crash in of_pid if run.had_begun(crash.at_ns) and not run.is_over(crash.at_ns, _KILL_LATE_NS)
        )
        return next(in_run, None)

    def exits_of(self, container_id: str) -> tuple[ProcessExitedFact, ...]:
        """
        Return how the processes of a container ended, the latest first.
        """
        return tuple(reversed(self._exits.get(container_id, ())))

    def exit_of(self, container_id: str, pid: int, killed_ns: int | None) -> ProcessExitedFact | None:
        """
        Return the end of a process that was killed at a time, where it has been seen.
        """
        ends = (end for end in self.exits_of(container_id) if end.pid == pid)
        return next((end for end in ends if killed_ns is not None and _may_be_killed(end, killed_ns)), None)

    def has_lost(self, container_id: str, pid: int, at_ns: int | None) -> bool:
        """
        Return whether a process of a container is known to have ended so long before a time that a run may have begun.
        """
        ends_ns = [kill.at_ns for kill in self._kills.get(container_id, ()) if pid in (kill.pid, kill.process_pid)]
        ends_ns += [end.at_ns for end in self.exits_of(container_id) if end.pid == pid]
        return any(end_ns is not None and at_ns is not None and end_ns < at_ns - RESTART_NS for end_ns in ends_ns)

    def main_exit_of(self, record: ContainerRecord, run: Run) -> MainExit:
        """
        Return how the main process of a run ended, as far as that was seen.
        """
        has_init = record.snapshot is not None and bool(record.snapshot.init)
        return find_main_exit(run, self.exits_of(record.id), has_init=has_init)

    def forget(self, now_ns: int) -> None:
        """
        Forget containers that ended long ago, if they were removed or if many have ended since.

        More than `_ENDED_KEPT` containers that do not run are never kept: then those that were seen last stay.
        """
        if now_ns < self._forget_due_ns and len(self._records) <= self._full_at:
            return
        ended = [
            record for record in self._records.values() if record.destroyed or (record.runs and record.living is None)
        ]
        too_many = ended[: max(len(ended) - _ENDED_KEPT, 0)]
        latest = {record.id for record in ended[-_ENDED_KEPT_LONG:]}
        old = [
            record
            for record in ended
            if now_ns - record.last_seen_ns > _FORGET_AFTER_NS and (record.destroyed or record.id not in latest)
        ]
        self._forget_due_ns = now_ns + _FORGET_EVERY_NS
        for container_id in dict.fromkeys(record.id for record in (*too_many, *old)):
            del self._records[container_id]
            self._kills.pop(container_id, None)
            self._exits.pop(container_id, None)
            self._crashes.pop(container_id, None)
        self._full_at = len(self._records) + _FORGOTTEN_AT_ONCE


def _may_be_killed(end: ProcessExitedFact, killed_ns: int) -> bool:
    by_signal = end.status is not None and end.status.signal == SIGKILL
    return by_signal and end.started_ns <= killed_ns + CLOCK_SLACK_NS and killed_ns - CLOCK_SLACK_NS <= end.at_ns

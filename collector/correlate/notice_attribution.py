"""
Attribute kernel notices to containers; by the name of a process only once no better evidence can come.

The kernel names a thread. Threads and processes share one range of numbers, and no two living tasks have the same
number: a task that is seen with it at that time is the one in the line.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from collector.correlate.attribution import attributed_by_path
from collector.correlate.container_record import ContainerRecord
from collector.correlate.crash_reasons import signals_of
from collector.correlate.inventory import ContainerInventory
from collector.correlate.pid_index import SLACK_NS, Attribution, PidIndex
from collector.correlate.pid_observations import PidObservations
from collector.correlate.references import known_reference
from collector.correlate.runs import Run
from collector.correlate.verdict.case import SIGNAL_BASE
from collector.facts.kernel import KernelFact, LiveTask, ThreadCrashedFact
from collector.facts.lru import LruQueues
from collector.facts.observed import ProcessExitedFact
from parsers.cgroup_path import ContainerRef, Runtime
from parsers.kernel import KernelNotice, NoticeKind, TaskName
from parsers.oom.facts import OomVictim
from sinks.event import Confidence

_THREADS_KEPT: Final = 1024
_CRASHES_KEPT: Final = 8
# The kernel prints the line right before it delivers the signal; a starved host takes its time.
_CRASH_NS: Final = 1_000_000_000
_COMM_LENGTH: Final = 15
_UNCONFINED: Final = "unconfined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """
    Where a task ran.

    Attributes:
        pid: its process; None where only the thread is known.
        attribution: its container, or that it ran in none.
    """

    pid: int | None
    attribution: Attribution


class CrashedThreads:
    """
    The threads that the process connector saw crash, by their id; the oldest are forgotten first.
    """

    def __init__(self) -> None:
        self._crashes: LruQueues[int, ThreadCrashedFact] = LruQueues(_THREADS_KEPT, of_each=_CRASHES_KEPT)

    def add(self, fact: ThreadCrashedFact) -> None:
        """
        Keep a crash.
        """
        self._crashes.add(fact.tid, fact)

    def find(self, tid: int, at_ns: int) -> ThreadCrashedFact | None:
        """
        Return the crash of a thread right after a line.
        """
        near = (fact for fact in self._crashes.get(tid, ()) if -SLACK_NS <= fact.at_ns - at_ns <= _CRASH_NS)
        return min(near, key=lambda fact: abs(fact.at_ns - at_ns), default=None)


class NoticeAttribution:
    """
    Finds the containers of kernel notices.

    Args:
        inventory: the containers; read only.
        pids: pids that are known to belong to containers; read only.
        observations: the ends of processes; read only.
    """

    def __init__(self, inventory: ContainerInventory, pids: PidIndex, observations: PidObservations) -> None:
        self._inventory = inventory
        self._pids = pids
        self._observations = observations
        self.crashes = CrashedThreads()

    def attribute(self, fact: KernelFact, notice: KernelNotice, *, by_name: bool) -> Placed | None:
        """
        Find where the task of a notice ran; None where nothing shows that.

        Args:
            fact: the line.
            notice: what it says.
            by_name: use also the name of the task, as better evidence will not come.
        """
        if notice.is_reported and notice.task is not None:
            # A program that speaks of a pid and a cgroup is one witness, and makes nothing certain alone.
            placed = self.find(notice.task, fact.line.at_ns, fact.task)
            if placed is not None and placed.attribution.container_id is not None:
                return placed
        if notice.cgroup is not None:
            confidence = Confidence.LIKELY if notice.is_reported else Confidence.CERTAIN
            return Placed(pid=None, attribution=self._by_path(notice.cgroup, confidence))
        if notice.kind is NoticeKind.SIGNAL_DENIED:
            return Placed(pid=None, attribution=self._by_profile(notice.profile))
        if notice.task is None or (notice.task.id is None and not notice.fatal):
            return Placed(pid=None, attribution=_nowhere("the line names no process"))
        placed = self.find(notice.task, fact.line.at_ns, fact.task)
        return self._by_name(notice, fact.line.at_ns) if placed is None and by_name else placed

    def find(self, task: TaskName, at_ns: int | None, live: LiveTask | None) -> Placed | None:
        """
        Find where a task ran, by its number.
        """
        if live is not None:
            return self._placed(live.pid, live.container, "/proc showed the task when the line was read")
        if task.id is None or at_ns is None:
            return None
        crash = self.crashes.find(task.id, at_ns)
        if crash is not None:
            how = f"the process connector saw thread {task.id} of process {crash.pid} crash"
            return self._placed(crash.pid, crash.container, how)
        for end in self._observations.ends(task.id):
            if end.started_ns - SLACK_NS <= at_ns <= end.at_ns + SLACK_NS:
                how = "the process connector had this pid in the container before it ended"
                return self._placed(end.pid, end.container, how)
        owner = self._pids.owner(OomVictim(pid=task.id, comm=task.comm or "", at_ns=at_ns, confirmed=True))
        return Placed(pid=task.id, attribution=owner) if owner is not None else None

    def _by_name(self, notice: KernelNotice, at_ns: int | None) -> Placed | None:
        """
        Find the only process of its name that such a signal ended at that time.
        """
        signals, comm = signals_of(notice), notice.task.comm if notice.task is not None else None
        if not signals or comm is None or at_ns is None:
            return None
        ends = self._observations.ended_between(at_ns - SLACK_NS, at_ns + _CRASH_NS)
        alike = [end for end in ends if end.comm == comm and _signal(end) in signals]
        runs = self._unseen_ends(comm, signals, at_ns)
        if len({end.pid for end in alike}) + len(runs) != 1:
            return None
        how = f'by its name alone: the only process "{comm}" that such a signal ended then'
        if alike:
            return self._placed(alike[0].pid, alike[0].container, how, Confidence.POSSIBLE)
        (record,) = runs
        found = Attribution(container_id=record.id, runtime=record.runtime, confidence=Confidence.POSSIBLE, how=how)
        return Placed(pid=None, attribution=found)

    def _unseen_ends(self, comm: str, signals: AbstractSet[int], at_ns: int) -> list[ContainerRecord]:
        """
        Return the containers with a command of this name that ended with the code of such a signal at that time, and
        whose main process nobody saw: it lived for milliseconds, or while the agent was busy.
        """
        return [
            record
            for record in self._inventory
            if _runs(record, comm)
            and any(self._has_crashed_unseen(record, run, signals, at_ns) for run in reversed(record.runs))
        ]

    def _has_crashed_unseen(self, record: ContainerRecord, run: Run, signals: AbstractSet[int], at_ns: int) -> bool:
        is_then = run.ended_ns is not None and -SLACK_NS <= run.ended_ns - at_ns <= _CRASH_NS and run.had_begun(at_ns)
        is_signal = (run.reported_exit_code or 0) - SIGNAL_BASE in signals
        return is_then and is_signal and self._inventory.main_exit_of(record, run).exited is None

    def _by_profile(self, profile: str | None) -> Attribution:
        """
        Attribute a refused signal to its receiver: the only running container with this AppArmor profile.
        """
        alike = [record for record in self._inventory if profile is not None and _has_profile(record, profile)]
        if len(alike) != 1:
            return _nowhere("the line names only the sender and a profile", Confidence.POSSIBLE)
        how = f'the only running container with the AppArmor profile "{profile}"'
        (record,) = alike
        return Attribution(container_id=record.id, runtime=record.runtime, confidence=Confidence.LIKELY, how=how)

    def _by_path(self, path: str, confidence: Confidence) -> Attribution:
        """
        Attribute by the cgroup of a line; up to Linux 5.8 some lines have only the last component of its path.
        """
        if path.startswith("/"):
            return attributed_by_path(path, confidence, self._inventory)
        if self._inventory.get(path) is None:
            return _nowhere("the cgroup in the line is no known container's")
        return Attribution(container_id=path, runtime=Runtime.DOCKER.value, confidence=Confidence.LIKELY)

    def _placed(
        self,
        pid: int,
        container: ContainerRef | None,
        how: str,
        confidence: Confidence = Confidence.CERTAIN,
    ) -> Placed:
        known = known_reference(container, self._inventory)
        if known is None:
            return Placed(pid=pid, attribution=_nowhere(how, confidence))
        attribution = Attribution(container_id=known.id, runtime=known.runtime.value, confidence=confidence, how=how)
        return Placed(pid=pid, attribution=attribution)


def _has_profile(record: ContainerRecord, profile: str) -> bool:
    is_confined = record.snapshot is not None and record.snapshot.apparmor == profile != _UNCONFINED
    return is_confined and record.living is not None


def _runs(record: ContainerRecord, comm: str) -> bool:
    """
    Return whether a container was asked to run a program with the name that the kernel keeps of it.
    """
    words = (record.snapshot.path, *record.snapshot.args) if record.snapshot is not None else ()
    return comm in {word.rpartition("/")[2][:_COMM_LENGTH] for word in words if word is not None}


def _nowhere(how: str, confidence: Confidence = Confidence.CERTAIN) -> Attribution:
    return Attribution(container_id=None, runtime=None, confidence=confidence, how=how)


def _signal(end: ProcessExitedFact) -> int | None:
    return end.status.signal if end.status is not None else None

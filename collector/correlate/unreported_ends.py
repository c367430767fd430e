"""
Ends of Podman's containers that no engine reports: no socket is read, and its events go nowhere (`events_logger =
"none"`), or to where the agent may not look.

The kernel reports the end of the container's first process all the same: pid 1 of its own namespace, in a cgroup that
names the container. Its end is that of the container.
"""

from dataclasses import dataclass
from typing import Final

from collector.correlate.container_record import ContainerRecord
from collector.correlate.inventory import ContainerInventory
from collector.correlate.main_exits import code_of, is_first_process
from collector.correlate.runs import CLOCK_SLACK_NS, Run
from collector.facts.observed import ProcessExitedFact
from parsers.cgroup_path import ContainerRef, Runtime, is_delegated, user_of
from parsers.engine import ROOT, ContainerEngine, EngineName

# Podman's words come within seconds of an end, on a starved host later. Of a container whose engine has spoken before
# they are waited for longer.
_UNKNOWN_WAIT_NS: Final = 15_000_000_000
_KNOWN_WAIT_NS: Final = 60_000_000_000
_ID_LENGTH: Final = 64
_WAITING_AT_MOST: Final = 4096
# Beyond so many no user's is taken: a user may name any number of cgroups, which must not crowd out those of root.
_WITH_USERS_AT_MOST: Final = 1024
NO_ENGINE: Final = "No engine of Podman reported the container."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    container: ContainerRef
    end: ProcessExitedFact
    due_ns: int


class UnreportedEnds:
    """
    The ends that an engine may still report, and then runs that have ended without its word.

    Args:
        inventory: the containers; gets those of which no engine speaks.
        boot_id: this boot of the host.
    """

    def __init__(self, inventory: ContainerInventory, boot_id: str | None) -> None:
        self._inventory = inventory
        self._boot_id = boot_id
        self._waiting: dict[tuple[str, int], _Waiting] = {}
        self._next_ns: int | None = None

    def feed_exit(self, end: ProcessExitedFact, container: ContainerRef, now_ns: int) -> None:
        """
        Note the end of a process in a container, if it was the first of a container of Podman.
        """
        if container.runtime is not Runtime.PODMAN or container.outer or len(container.id) != _ID_LENGTH:
            return
        if container.cgroup is None or not is_first_process(end):
            return
        at_most = _WITH_USERS_AT_MOST if is_delegated(container.cgroup) else _WAITING_AT_MOST
        if len(self._waiting) >= at_most:
            return
        wait_ns = _UNKNOWN_WAIT_NS if self._inventory.get(container.id) is None else _KNOWN_WAIT_NS
        waiting = _Waiting(container=container, end=end, due_ns=now_ns + wait_ns)
        self._waiting[container.id, end.pid] = waiting
        self._next_ns = min(waiting.due_ns, self._next_ns or waiting.due_ns)

    def next_deadline_ns(self) -> int | None:
        """
        Return when `take` should be called next.
        """
        return self._next_ns

    def take(self, now_ns: int) -> list[tuple[ContainerRecord, Run]]:
        """
        Return the runs that have ended and that no engine has reported in time.
        """
        if self._next_ns is None or now_ns < self._next_ns:
            return []
        due = [key for key, waiting in self._waiting.items() if waiting.due_ns <= now_ns]
        runs = (self._run(self._waiting.pop(key), now_ns) for key in due)
        found = [run for run in runs if run is not None]
        self._next_ns = min((waiting.due_ns for waiting in self._waiting.values()), default=None)
        return found

    def _run(self, waiting: _Waiting, now_ns: int) -> tuple[ContainerRecord, Run] | None:
        end, record = waiting.end, self._inventory.get(waiting.container.id)
        if record is None or _is_next_unreported(record, end):
            record = record or self._of_no_engine(waiting.container, now_ns)
            run = record.begin(Run(container_id=record.id, start_event_ns=end.started_ns, boot_id=self._boot_id))
        elif (living := record.living) is not None and _is_of(living, end) and not record.is_dockers:
            run = living
        else:
            return None  # its engine has reported the end, or another run
        run.main_pid, run.die_event_ns, run.gone = end.pid, end.at_ns, True
        run.exit_code = code_of(end.status) if end.status is not None else None
        run.is_unreported, run.log_tail_missing = True, NO_ENGINE
        return record, run

    def _of_no_engine(self, container: ContainerRef, now_ns: int) -> ContainerRecord:
        """
        Add a container of which only the path of its cgroup is known, which also says whose it is.
        """
        record = self._inventory.get_or_add(container.id, now_ns)
        path = container.cgroup or ""
        record.cgroup = path
        record.engine = ContainerEngine(name=EngineName.PODMAN, uid=user_of(path) if is_delegated(path) else ROOT)
        return record


def _is_next_unreported(record: ContainerRecord, end: ProcessExitedFact) -> bool:
    """
    Return whether a process began after the end of a run that no engine has reported: a restart policy began the next.
    """
    last = record.run
    return last is not None and last.is_unreported and (last.die_event_ns or 0) < end.started_ns


def _is_of(run: Run, end: ProcessExitedFact) -> bool:
    is_begun = run.had_begun(end.at_ns) and (run.began_ns or 0) <= end.at_ns + CLOCK_SLACK_NS
    return is_begun and run.main_pid in (None, end.pid)

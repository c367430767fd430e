"""
Turns events of the process connector into facts: updates the table, and reads /proc where an event does not say enough.

Events that do not concern a container cost two look-ups and no object. A runtime first joins the cgroup of a container
and then runs the container's program. So /proc is read for a process below a runtime when it is forked, when it runs a
program, and when its parent exits; `docker exec` works the same way. An unknown process that runs a program is read
once, if it still runs after 100 ms: it may be a runtime, or have entered a container in another way.

A busy host leaves no time to read /proc before a container of a few milliseconds is gone. Its shim lives longer, and
names the container in its command line: what runc leaves to the shim when it exits is in that container.
"""

from collections.abc import Callable, Iterator
from typing import Final

from collector.facts.kernel import ThreadCrashedFact
from collector.facts.observed import ProcessExitedFact
from collector.host.clock import BootClock, boot_offset_ns
from collector.host.procfs import ProcFiles
from collector.sources.processes.endings import Ending, Endings
from collector.sources.processes.table import SHIM, Process, ProcessTable
from parsers.cgroup_path import ContainerRef
from parsers.proc_event import (
    ProcAck,
    ProcComm,
    ProcCoredump,
    ProcEvent,
    ProcExec,
    ProcExit,
    ProcFork,
    WaitStatus,
    What,
    parse_proc_event,
    peek,
)
from parsers.proc_files import ProcStat

# Plain numbers: looking up the member of an enum would cost as much as all else that most events need.
_FORK: Final = int(What.FORK)
_EXEC: Final = int(What.EXEC)
_EXIT: Final = int(What.EXIT)
# Most programs on a host have exited by then and need no look-up.
_UNKNOWN_NS: Final = 100_000_000
_UNKNOWN_AT_ONCE: Final = 256
# Between so many processes of a scan, events are read.
_SCANNED_AT_ONCE: Final = 64
# The pid of kthreadd, the parent of all kernel threads.
_KERNEL_THREADS: Final = 2
_NS_PER_US: Final = 1000


class Tracker:
    """
    Follows the processes of containers. All its times are CLOCK_MONOTONIC, as the events are stamped.

    Attributes:
        concerned_ns: when an event last concerned a container or a runtime.

    Args:
        table: the known processes.
        files: reads /proc.
        clock: converts the kernel's clock to the wall clock.
        offset_ns: returns how far CLOCK_BOOTTIME is ahead of CLOCK_MONOTONIC.
    """

    def __init__(
        self,
        table: ProcessTable,
        files: ProcFiles,
        clock: BootClock,
        offset_ns: Callable[[], int] = boot_offset_ns,
    ) -> None:
        self._table = table
        self._known = table.processes
        self._files = files
        self._clock = clock
        self._offset_ns = offset_ns
        self._unknown: dict[int, int] = {}
        self._endings = Endings(files)
        self.concerned_ns = 0

    @property
    def due_ns(self) -> int | None:
        """
        When `recheck` has something to do without a further event; None if it has not.
        """
        oldest_ns = next(iter(self._unknown.values()), None)
        dues = (oldest_ns + _UNKNOWN_NS if oldest_ns is not None else None, self._endings.due_ns)
        return min((due_ns for due_ns in dues if due_ns is not None), default=None)

    @property
    def refused(self) -> int:
        """
        How many processes the table had no room for.
        """
        return self._table.refused

    def feed(self, datagram: bytes | bytearray, now_ns: int) -> ProcessExitedFact | ThreadCrashedFact | None:
        """
        Process one event of the kernel; return the exit of a container's process, or the crash of its thread.
        """
        what, pid, child = peek(datagram)
        if pid in self._known or (child in self._known and what == _FORK):
            self.concerned_ns = now_ns
            return self._apply(parse_proc_event(datagram), now_ns)
        if what == _EXEC:
            self._unknown.setdefault(pid, now_ns)
        elif what == _EXIT:
            self._unknown.pop(pid, None)
        return None

    def recheck(self, now_ns: int) -> list[ProcessExitedFact]:
        """
        Do the work that had to wait: look up unknown processes, confirm exits, forget dead processes.
        """
        self._look_up_unknown(now_ns)
        self._table.forget_dead(now_ns + self._offset_ns())
        facts = [self._end(ending) for ending in self._endings.recheck(now_ns)]
        return [fact for fact in facts if fact is not None]

    def scan(self, now_ns: int) -> Iterator[None]:
        """
        Look up all processes of the host, some in each step.

        Between two steps the caller must feed all events that have arrived.
        """
        since_ns = now_ns + self._offset_ns()
        alive: set[int] = set()
        for count, pid in enumerate(self._files.pids()):
            if count % _SCANNED_AT_ONCE == 0:
                yield
            if self._look_up(pid):
                alive.add(pid)
        yield  # the exits during the scan have been fed by now
        self._table.end_scan(alive, since_ns)

    def missed(self, now_ns: int) -> list[ProcessExitedFact]:
        """
        Return the exits of container processes for which there was no event.
        """
        return [
            self._exited(process, process.container, process.parent_pid, None, now_ns)
            for process in self._table.take_missed()
            if process.container is not None
        ]

    def _apply(self, event: ProcEvent | None, now_ns: int) -> ProcessExitedFact | ThreadCrashedFact | None:
        match event:
            case ProcFork():
                self._fork(event)
            case ProcExec():
                self._exec(self._known[event.tgid])
            case ProcComm():
                self._table.rename(self._known[event.tgid], event.comm)
            case ProcCoredump():
                return self._crashed(event, self._known[event.tgid])
            case ProcExit():
                ending = self._endings.exited(self._known[event.tgid], event, now_ns)
                return self._end(ending) if ending is not None else None
            case ProcAck() | None:
                pass
        return None

    def _fork(self, event: ProcFork) -> None:
        at_ns = event.timestamp_ns + self._offset_ns()
        child = self._table.fork(event.child_tgid, event.parent_tgid, at_ns)
        if child is not None and child.container is None:
            self._find_container(child)

    def _exec(self, process: Process) -> None:
        if not self._find_container(process) and process.container is not None:
            stat = self._files.stat(process.pid)
            if stat is not None and not stat.exiting:
                self._table.leave(process)
                return
        in_container = process.container is not None
        command_line = self._files.command_line(process.pid) if in_container else None
        self._table.run(process, self._files.comm(process.pid), command_line)
        if process.comm == SHIM:
            process.serves = self._files.served_container(process.pid)
        if in_container and not process.ancestors:
            process.namespace_pid = self._files.namespace_pid(process.pid)

    def _crashed(self, event: ProcCoredump, process: Process) -> ThreadCrashedFact | None:
        if process.container is None:
            self._find_container(process)
        if process.container is None:
            return None
        at_ns = self._clock.wall_ns(event.timestamp_ns // _NS_PER_US)
        return ThreadCrashedFact(tid=event.pid, pid=event.tgid, container=process.container, at_ns=at_ns)

    def _end(self, ending: Ending) -> ProcessExitedFact | None:
        process = ending.process
        if not self._table.exit(process, ending.at_ns + self._offset_ns()):
            return None
        if process.container is None:
            self._find_container(process)
            for child in self._table.outside_children(process.pid):
                if not self._find_container(child):
                    self._inherit(child, process.parent_pid)
        if process.container is None:
            return None
        parent_pid = ending.parent_pid or process.parent_pid
        return self._exited(process, process.container, parent_pid, ending.status, ending.at_ns)

    def _look_up_unknown(self, now_ns: int) -> None:
        due: list[int] = []
        for pid, since_ns in self._unknown.items():
            if now_ns - since_ns < _UNKNOWN_NS or len(due) == _UNKNOWN_AT_ONCE:
                break
            due.append(pid)
        for pid in due:
            del self._unknown[pid]
            self._look_up(pid)

    def _look_up(self, pid: int) -> bool:
        """
        Read a process from /proc into the table; return whether it runs.
        """
        stat = self._files.stat(pid)
        if stat is None or stat.ended:
            return False
        if not stat.exiting and stat.parent_pid != _KERNEL_THREADS:
            self._table.find(process_of(stat, self._files))
        return True

    def _find_container(self, process: Process) -> bool:
        """
        Look up the container of a process in /proc; return whether it has one.
        """
        container = self._files.container(process.pid)
        if container is not None:
            self._table.set_container(process, container)
        return container is not None

    def _inherit(self, orphan: Process, shim_pid: int | None) -> None:
        """
        Record that a process which runc leaves behind is in the container that the shim above runc serves.
        """
        shim = self._known.get(shim_pid) if shim_pid is not None else None
        if shim is None or shim.comm != SHIM or shim.container is not None:
            return
        if shim.serves is None:
            shim.serves = self._files.served_container(shim.pid)
        if shim.serves is not None:
            self._table.set_container(orphan, shim.serves)

    def _exited(
        self,
        process: Process,
        container: ContainerRef,
        parent_pid: int | None,
        status: WaitStatus | None,
        monotonic_ns: int,
    ) -> ProcessExitedFact:
        monotonic_us = monotonic_ns // _NS_PER_US
        at_ns = self._clock.wall_ns(monotonic_us)
        return ProcessExitedFact(
            pid=process.pid,
            started_ns=at_ns - (monotonic_ns + self._offset_ns() - process.start_ns),
            container=container,
            comm=process.comm,
            command_line=process.command_line,
            parent_pid=parent_pid,
            ancestors=process.ancestors,
            namespace_pid=process.namespace_pid,
            status=status,
            monotonic_us=monotonic_us,
            at_ns=at_ns,
        )


def process_of(stat: ProcStat, files: ProcFiles) -> Process:
    """
    Read everything about a running process that the table keeps.
    """
    container = files.container(stat.pid)
    return Process(
        pid=stat.pid,
        start_ns=files.start_ns(stat),
        parent_pid=stat.parent_pid,
        container=container,
        comm=stat.comm,
        command_line=files.command_line(stat.pid) if container is not None else None,
    )

"""
From events of the process connector to facts: keeps the table, asks /proc where an event does not say enough.

Events that concern no container cost two look-ups and no object. A runtime joins the cgroup of a container
first and runs the container's program then, so processes below a runtime are looked up when they are forked,
when they run a program, and when their parent ends; `docker exec` goes the same way. A program that nobody
knows is looked up once, if it still runs after a while: it may be a runtime, or in a container by a way of
its own.
"""

from collections.abc import Callable, Iterator
from typing import Final

from collector.correlate.facts import ProcessExited
from collector.hostclock import BootClock, boot_offset_ns
from collector.procfs import ProcFiles
from collector.sources.processes.endings import Ending, Endings
from collector.sources.processes.table import Process, ProcessTable
from parsers.cgroup_path import ContainerRef
from parsers.proc_event import (
    ProcAck,
    ProcComm,
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
_STRANGER_NS: Final = 100_000_000
_STRANGERS_AT_ONCE: Final = 256
_SCANNED_AT_ONCE: Final = 64
_KERNEL_THREADS: Final = 2
_NS_PER_US: Final = 1000


class Tracker:
    """
    Follows the processes of containers. All its times are CLOCK_MONOTONIC, as the events are stamped.

    Attributes:
        concerned_ns: when an event last concerned a container or a runtime.

    Args:
        table: what is known.
        files: reads /proc.
        clock: from the kernel's clock to the wall clock.
        offset_ns: from CLOCK_MONOTONIC to CLOCK_BOOTTIME.
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
        self._strangers: dict[int, int] = {}
        self._endings = Endings(files)
        self.concerned_ns = 0

    @property
    def waiting(self) -> bool:
        """
        Whether `settle` has something to do soon.
        """
        return bool(self._strangers) or self._endings.waiting

    @property
    def refused(self) -> int:
        """
        How many processes there was no room for.
        """
        return self._table.refused

    def feed(self, datagram: bytes | bytearray, now_ns: int) -> ProcessExited | None:
        """
        Take one event of the kernel; gives the end of a container's process.
        """
        what, pid, child = peek(datagram)
        if pid in self._known or (child in self._known and what == _FORK):
            self.concerned_ns = now_ns
            return self._take(parse_proc_event(datagram), now_ns)
        if what == _EXEC:
            self._strangers.setdefault(pid, now_ns)
        elif what == _EXIT:
            self._strangers.pop(pid, None)
        return None

    def settle(self, now_ns: int) -> list[ProcessExited]:
        """
        Do what had to wait: look up strangers that are there to stay, make sure of ends, let go of the dead.
        """
        self._meet_strangers(now_ns)
        self._table.forget_dead(now_ns + self._offset_ns())
        facts = [self._end(ending) for ending in self._endings.settle(now_ns)]
        return [fact for fact in facts if fact is not None]

    def scan(self, now_ns: int) -> Iterator[None]:
        """
        Look at all processes, some at each step. Between any two steps all events must be fed.
        """
        since_ns = now_ns + self._offset_ns()
        alive: set[int] = set()
        for count, pid in enumerate(self._files.pids()):
            if count % _SCANNED_AT_ONCE == 0:
                yield
            if self._look(pid):
                alive.add(pid)
        yield  # what ended meanwhile has told so by now
        self._table.miss(alive, since_ns)

    def missed(self, now_ns: int) -> list[ProcessExited]:
        """
        The ends of container processes that no event told of.
        """
        return [
            self._exited(process, process.container, process.parent_pid, None, now_ns)
            for process in self._table.take_missed()
            if process.container is not None
        ]

    def _take(self, event: ProcEvent | None, now_ns: int) -> ProcessExited | None:
        match event:
            case ProcFork():
                self._fork(event)
            case ProcExec():
                self._exec(self._known[event.tgid])
            case ProcComm():
                self._table.rename(self._known[event.tgid], event.comm)
            case ProcExit():
                ending = self._endings.judge(self._known[event.tgid], event, now_ns)
                return self._end(ending) if ending is not None else None
            case ProcAck() | None:
                pass
        return None

    def _fork(self, event: ProcFork) -> None:
        at_ns = event.timestamp_ns + self._offset_ns()
        child = self._table.fork(event.child_tgid, event.parent_tgid, at_ns)
        if child is not None and child.container is None:
            self._place(child)

    def _exec(self, process: Process) -> None:
        if not self._place(process) and process.container is not None:
            stat = self._files.stat(process.pid)
            if stat is not None and not stat.exiting:
                self._table.leave(process)
                return
        in_container = process.container is not None
        command_line = self._files.command_line(process.pid) if in_container else None
        self._table.run(process, self._files.comm(process.pid), command_line)

    def _end(self, ending: Ending) -> ProcessExited | None:
        process = ending.process
        if not self._table.exit(process, ending.at_ns + self._offset_ns()):
            return None
        if process.container is None:
            self._place(process)
            for child in self._table.outside_children(process.pid):
                self._place(child)
        if process.container is None:
            return None
        parent_pid = ending.parent_pid or process.parent_pid
        return self._exited(process, process.container, parent_pid, ending.status, ending.at_ns)

    def _meet_strangers(self, now_ns: int) -> None:
        due: list[int] = []
        for pid, since_ns in self._strangers.items():
            if now_ns - since_ns < _STRANGER_NS or len(due) == _STRANGERS_AT_ONCE:
                break
            due.append(pid)
        for pid in due:
            del self._strangers[pid]
            self._look(pid)

    def _look(self, pid: int) -> bool:
        """
        Look at a process that an event or a scan named; whether it lives.
        """
        stat = self._files.stat(pid)
        if stat is None or stat.ended:
            return False
        if not stat.exiting and stat.parent_pid != _KERNEL_THREADS:
            self._table.find(process_of(stat, self._files))
        return True

    def _place(self, process: Process) -> bool:
        """
        Look up the container of a process; whether it has one.
        """
        container = self._files.container(process.pid)
        if container is not None:
            self._table.place(process, container)
        return container is not None

    def _exited(
        self,
        process: Process,
        container: ContainerRef,
        parent_pid: int | None,
        status: WaitStatus | None,
        monotonic_ns: int,
    ) -> ProcessExited:
        monotonic_us = monotonic_ns // _NS_PER_US
        at_ns = self._clock.wall_ns(monotonic_us)
        return ProcessExited(
            pid=process.pid,
            started_ns=at_ns - (monotonic_ns + self._offset_ns() - process.start_ns),
            container=container,
            comm=process.comm,
            command_line=process.command_line,
            parent_pid=parent_pid,
            ancestors=process.ancestors,
            status=status,
            monotonic_us=monotonic_us,
            at_ns=at_ns,
        )


def process_of(stat: ProcStat, files: ProcFiles) -> Process:
    """
    All that is to be known of a living process.
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

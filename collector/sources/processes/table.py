"""
Which container a process belongs to, known from before it dies. Pure: events and findings in, processes out.

Kept are the processes of containers, and those below a container runtime, out of which containers come; no
others. A child belongs where its parent does. A pid is only a number: a process is its pid and its start. The
dead are kept for a grace time, since threads may still fork under their pid and a scan of /proc still sees
zombies.

Times are nanoseconds of CLOCK_BOOTTIME.
"""

from collections import deque
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Final

from parsers.cgroup_path import ContainerRef

GRACE_NS: Final = 10_000_000_000
LIMIT: Final = 65_536
_GENERATIONS: Final = 8
# /proc gives starts in ticks of 10 ms, cut off; an event is stamped a little after the start.
_SAME_START_NS: Final = 100_000_000
# As in /proc/<pid>/comm, 15 bytes at most.
RUNTIMES: Final = frozenset(
    {
        "dockerd",
        "docker-containe",  # docker-containerd and docker-containerd-shim, before Docker 18.09
        "docker-runc",
        "containerd",
        "containerd-shim",
        "runc",
        "runc:[0:PARENT]",
        "runc:[1:CHILD]",
        "runc:[2:INIT]",
        "crun",
        "crio",
        "conmon",
        "podman",
        "youki",
    }
)


@dataclass(slots=True, kw_only=True, eq=False)
class Process:
    """
    One process.

    Attributes:
        start_ns: when it was forked.
        container: None for a process below a runtime that is in no container (yet).
        comm: None when it ran a new program and was gone before that could be read.
        command_line: of the program it runs, secrets masked.
        ancestors: the names of its parent, grandparent and so on in the container, as of its fork.
        died_ns: None while it lives.
    """

    pid: int
    start_ns: int
    parent_pid: int | None
    container: ContainerRef | None
    comm: str | None
    command_line: str | None = None
    ancestors: tuple[str, ...] = ()
    died_ns: int | None = None

    def started_at(self, start_ns: int) -> bool:
        """
        Whether a process of this pid that was started then is this one, as far as /proc can tell.
        """
        return abs(self.start_ns - start_ns) < _SAME_START_NS


@dataclass(slots=True, kw_only=True)
class ProcessTable:
    """
    The processes by pid.

    Attributes:
        limit: when so many are known, a new one takes the place of the oldest dead, or is counted as refused.
        grace_ns: how long the dead are kept.
        refused: processes that there was no room for.
    """

    limit: int = LIMIT
    grace_ns: int = GRACE_NS
    refused: int = 0
    _processes: dict[int, Process] = field(default_factory=dict)
    _outside: dict[int, Process] = field(default_factory=dict)
    _dead: deque[Process] = field(default_factory=deque)
    _missed: list[Process] = field(default_factory=list)

    @property
    def processes(self) -> Mapping[int, Process]:
        """
        All that are known, the dead of the grace time among them.
        """
        return self._processes

    def fork(self, pid: int, parent_pid: int, at_ns: int) -> Process | None:
        """
        A process was forked; gives it if it is to be kept and was not known.
        """
        known = self._processes.get(pid)
        if known is not None:
            if known.start_ns > at_ns - _SAME_START_NS and known.died_ns is None:
                return None  # a scan has seen it already
            self._replace(known, at_ns)
        parent = self._processes.get(parent_pid)
        if parent is None:
            return None
        return self._add(
            Process(
                pid=pid,
                start_ns=at_ns,
                parent_pid=parent_pid,
                container=parent.container,
                comm=parent.comm,
                command_line=parent.command_line,
                ancestors=_ancestors(parent),
            )
        )

    def exit(self, process: Process, at_ns: int) -> bool:
        """
        A process ended; False when it had already, or when it began only after that end (of another one).
        """
        if process.died_ns is not None or process.start_ns > at_ns:
            return False
        self._bury(process, at_ns)
        return True

    def find(self, found: Process) -> None:
        """
        A living process was seen in /proc; it is kept if it is in a container, is a runtime, or was known.
        """
        known = self._processes.get(found.pid)
        if known is not None and not known.started_at(found.start_ns):
            self._replace(known, found.start_ns)
            known = None
        if known is None:
            if found.container is not None or found.comm in RUNTIMES:
                self._add(found)
        elif found.container is not None:
            self.place(known, found.container)
        elif known.container is not None:
            self.leave(known)

    def place(self, process: Process, container: ContainerRef) -> None:
        """
        A process was seen in a container; what it comes from outside of it does not count as ancestors.
        """
        if process.container is None:
            process.ancestors = ()
            self._outside.pop(process.pid, None)
        process.container = container

    def leave(self, process: Process) -> None:
        """
        A living process was moved out of its container, to the host.
        """
        self._remove(process)

    def run(self, process: Process, comm: str | None, command_line: str | None) -> None:
        """
        A process runs another program.
        """
        process.comm = comm
        process.command_line = command_line

    def rename(self, process: Process, comm: str) -> None:
        """
        A process gave itself a name.
        """
        process.comm = comm

    def outside_children(self, parent_pid: int) -> list[Process]:
        """
        The living children of a runtime that are in no container.
        """
        return [
            process
            for process in self._outside.values()
            if process.parent_pid == parent_pid and process.died_ns is None
        ]

    def miss(self, seen: Container[int], since_ns: int) -> None:
        """
        A scan that began at `since_ns` saw these pids alive: older processes that it did not see are dead.
        """
        for process in self._processes.values():
            if process.died_ns is None and process.start_ns < since_ns and process.pid not in seen:
                self._missed.append(process)
                self._bury(process, since_ns)

    def take_missed(self) -> list[Process]:
        """
        The processes that ended without an event since this was last asked.
        """
        missed = self._missed
        self._missed = []
        return missed

    def forget_dead(self, before_ns: int) -> None:
        """
        Let go of the dead whose grace time ended before a moment.
        """
        while self._dead and (self._dead[0].died_ns or 0) + self.grace_ns <= before_ns:
            self._remove(self._dead.popleft())

    def _add(self, process: Process) -> Process | None:
        while len(self._processes) >= self.limit and self._dead:
            self._remove(self._dead.popleft())
        if len(self._processes) >= self.limit:
            self.refused += 1
            return None
        self._processes[process.pid] = process
        if process.container is None:
            self._outside[process.pid] = process
        return process

    def _replace(self, known: Process, at_ns: int) -> None:
        """
        Another process has the pid: the one that had it is dead, and if that is news its end was missed.
        """
        if known.died_ns is None:
            self._missed.append(known)
            known.died_ns = at_ns
        self._remove(known)

    def _bury(self, process: Process, at_ns: int) -> None:
        process.died_ns = at_ns
        self._dead.append(process)

    def _remove(self, process: Process) -> None:
        if self._processes.get(process.pid) is process:
            del self._processes[process.pid]
            self._outside.pop(process.pid, None)


def _ancestors(parent: Process) -> tuple[str, ...]:
    """
    The names of a child's ancestors, nearest first; they end at the border of the container.
    """
    if parent.container is None:
        return ()
    return (parent.comm or "?", *parent.ancestors[: _GENERATIONS - 1])

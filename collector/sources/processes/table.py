"""
Knows which container a process belongs to before the process dies. Pure: events and results of scans in, processes out.

It keeps the processes of containers, and those below a container runtime, from which containers start; no others. A
child belongs to the container of its parent. A pid alone does not identify a process: the pid with the start time does.
Dead processes are kept for a grace time, because their threads may still fork, and a scan of /proc still sees zombies.

Times are nanoseconds of CLOCK_BOOTTIME.
"""

from collections import deque
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Final

from parsers.cgroup_path import ContainerRef

GRACE_NS: Final = 10_000_000_000
# Bounds the agent's memory (docs/attribution.md); beyond it processes are not followed, and that is published.
LIMIT: Final = 65_536
# The most ancestors of a process that are kept.
_GENERATIONS: Final = 8
# /proc shows start times in ticks of 10 ms, rounded down; an event is stamped a little after the start.
_SAME_START_NS: Final = 100_000_000
# As in /proc/<pid>/comm, 15 bytes at most.
SHIM: Final = "containerd-shim"
RUNTIMES: Final = frozenset(
    {
        "dockerd",
        "docker-containe",  # docker-containerd and docker-containerd-shim, before Docker 18.09
        "docker-runc",
        "containerd",
        SHIM,
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
        container: None for a process below a runtime that is not in a container, or not yet.
        comm: None if it ran a new program and exited before its name could be read.
        command_line: of the program that it runs, secrets masked.
        ancestors: names of its parent, grandparent and so on inside the container, at the time of its fork.
        namespace_pid: as for `ProcessExitedFact`.
        died_ns: None while it runs.
        serves: the container that it serves, if it is a shim; it is not in that container itself.
    """

    pid: int
    start_ns: int
    parent_pid: int | None
    container: ContainerRef | None
    comm: str | None
    command_line: str | None = None
    ancestors: tuple[str, ...] = ()
    namespace_pid: int | None = None
    died_ns: int | None = None
    serves: ContainerRef | None = None

    def started_at(self, start_ns: int) -> bool:
        """
        Return whether a process with this pid and that start time is this one, within the accuracy of /proc.
        """
        return abs(self.start_ns - start_ns) < _SAME_START_NS


@dataclass(slots=True, kw_only=True)
class ProcessTable:
    """
    The processes by pid.

    Attributes:
        limit: at this size a new process replaces the oldest dead one; if none is dead, it is counted as refused.
        grace_ns: how long dead processes are kept.
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
        All known processes, including the dead ones within the grace time.
        """
        return self._processes

    def fork(self, pid: int, parent_pid: int, at_ns: int) -> Process | None:
        """
        Record a fork; return the child if it is kept and was not known before.
        """
        known = self._processes.get(pid)
        if known is not None:
            if known.start_ns > at_ns - _SAME_START_NS and known.died_ns is None:
                return None  # a scan has seen it before its event was read
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
        Record an exit; return False if the process was dead already, or started after that exit of another process.
        """
        if process.died_ns is not None or process.start_ns > at_ns:
            return False
        self._mark_dead(process, at_ns)
        return True

    def find(self, found: Process) -> None:
        """
        Record a running process seen in /proc; it is kept if it is in a container, is a runtime, or was known.
        """
        known = self._processes.get(found.pid)
        if known is not None and not known.started_at(found.start_ns):
            self._replace(known, found.start_ns)
            known = None
        if known is None:
            if found.container is not None or found.comm in RUNTIMES:
                self._add(found)
        elif found.container is not None:
            self.set_container(known, found.container)
        elif known.container is not None:
            self.leave(known)

    def set_container(self, process: Process, container: ContainerRef) -> None:
        """
        Record that a process is in a container; its ancestors outside the container are dropped.
        """
        if process.container is None:
            process.ancestors = ()
            self._outside.pop(process.pid, None)
        process.container = container

    def leave(self, process: Process) -> None:
        """
        Forget a running process that was moved from its container to the host.
        """
        self._remove(process)

    def run(self, process: Process, comm: str | None, command_line: str | None) -> None:
        """
        Record that a process runs another program.
        """
        process.comm = comm
        process.command_line = command_line

    def rename(self, process: Process, comm: str) -> None:
        """
        Record that a process has renamed itself.
        """
        process.comm = comm

    def outside_children(self, parent_pid: int) -> list[Process]:
        """
        Return the running children of a runtime process that are not in a container.
        """
        return [
            process
            for process in self._outside.values()
            if process.parent_pid == parent_pid and process.died_ns is None
        ]

    def end_scan(self, seen: Container[int], since_ns: int) -> None:
        """
        Mark as dead what a scan did not see.

        Args:
            seen: the pids that the scan saw running.
            since_ns: when the scan started; processes that started later may have been overlooked.
        """
        for process in self._processes.values():
            if process.died_ns is None and process.start_ns < since_ns and process.pid not in seen:
                self._missed.append(process)
                self._mark_dead(process, since_ns)

    def take_missed(self) -> list[Process]:
        """
        Return the processes that ended without an event since the last call.
        """
        missed = self._missed
        self._missed = []
        return missed

    def forget_dead(self, before_ns: int) -> None:
        """
        Forget the dead processes whose grace time has ended.
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
        Forget a process whose pid another process has now; if it was not known to be dead, its end was missed.
        """
        if known.died_ns is None:
            self._missed.append(known)
            known.died_ns = at_ns
        self._remove(known)

    def _mark_dead(self, process: Process, at_ns: int) -> None:
        process.died_ns = at_ns
        self._dead.append(process)

    def _remove(self, process: Process) -> None:
        if self._processes.get(process.pid) is process:
            del self._processes[process.pid]
            self._outside.pop(process.pid, None)


def _ancestors(parent: Process) -> tuple[str, ...]:
    """
    Return the names of a child's ancestors inside the container, nearest first.
    """
    if parent.container is None:
        return ()
    return (parent.comm or "?", *parent.ancestors[: _GENERATIONS - 1])

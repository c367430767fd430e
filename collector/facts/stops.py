"""
Facts about kills that do not end: tasks that SIGKILL was sent to and that are still there, and signals that the main
process of a container ignores.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class KilledTask:
    """
    A task that is being killed, as /proc describes it.

    Attributes:
        state: the kernel's letter: D waits without a way to be interrupted, t is stopped by its tracer, Z is dead.
        main: whether its process is the container's main process.
        wchan: the kernel function that it waits in; None if it does not wait or that may not be read.
        stack: the kernel functions on its stack, the innermost first; empty if that may not be read.
        tracer_pid: the process that traces it; None if none does.
        parent_pid: the process that has to collect it when it is dead.
    """

    pid: int
    tid: int
    name: str
    state: str
    main: bool = False
    wchan: str | None = None
    stack: tuple[str, ...] = ()
    tracer_pid: int | None = None
    tracer_name: str | None = None
    parent_pid: int | None = None
    parent_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingKillFact:
    """
    The tasks of a container that are being killed at this moment; none once the kill has ended.

    Attributes:
        tasks: the main process first; only as many as explain it.
        frozen: whether the freezer of cgroup v1 holds its processes; None where there is no such freezer.
        unread: the files that may not be read.
    """

    container_id: str
    at_ns: int
    tasks: tuple[KilledTask, ...]
    frozen: bool | None = None
    unread: tuple[str, ...] = ()

    @property
    def occurred_at_ns(self) -> int:
        """The time at which /proc was read."""
        return self.at_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class MainSignalsFact:
    """
    What the main process of a container does with signals, when that was first read or has changed.

    Attributes:
        pid: on the host; `name` and `state` are the kernel's.
        ignored: a bit for each signal that has no effect on it, the lowest for signal 1.
    """

    container_id: str
    at_ns: int
    pid: int
    name: str
    state: str
    ignored: int

    @property
    def occurred_at_ns(self) -> int:
        """The time at which /proc was read."""
        return self.at_ns

    def ignores(self, signal: int) -> bool:
        """
        Return whether a signal has no effect on the process.
        """
        return bool(self.ignored >> (signal - 1) & 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFilesFact:
    """
    A main process that has most of the files open that it may have.

    Attributes:
        pid: on the host.
        open_files: files, sockets and pipes.
        open_files_max: its limit (RLIMIT_NOFILE).
    """

    container_id: str
    at_ns: int
    pid: int
    open_files: int
    open_files_max: int

    @property
    def occurred_at_ns(self) -> int:
        """The time at which /proc was read."""
        return self.at_ns


# What the source of stuck stops sees of the main process of each container.
StopsFact = PendingKillFact | MainSignalsFact | OpenFilesFact

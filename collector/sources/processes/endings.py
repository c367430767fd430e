"""
Distinguishes the end of a process from the end of its first thread.

The kernel reports threads. A process goes on without its first thread when that thread calls pthread_exit, or when
another thread runs a new program (for example in Go). Both look like an exit with status 0, so such exits are checked
against /proc. There is no event for the end of a process that has outlived its first thread: /proc is read until the
process is gone, and its status stays unknown.
"""

from dataclasses import dataclass
from typing import Final

from collector.host.procfs import ProcFiles
from collector.sources.processes.table import Process
from parsers.errors import ParseError
from parsers.proc_event import ProcExit, WaitStatus, wait_status
from parsers.proc_files import ProcStat

# A process that is exiting is gone from /proc, or a zombie, within milliseconds.
_FIRST_CHECK_NS: Final = 5_000_000
# A process that still runs after this time has outlived its first thread: the first thread's status is not its own.
_OUTLIVED_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """
    The end of a process.

    Attributes:
        parent_pid: its parent at that time; None if the kernel does not report it.
        status: None if the status could not be observed.
        at_ns: CLOCK_MONOTONIC.
    """

    process: Process
    parent_pid: int | None
    status: WaitStatus | None
    at_ns: int


@dataclass(slots=True, kw_only=True)
class _Doubt:
    process: Process
    event: ProcExit
    since_ns: int
    due_ns: int

    def ending(self, now_ns: int) -> Ending:
        """
        Return the end, now confirmed: that of the first thread, or a later one whose status is unknown.
        """
        if now_ns - self.since_ns < _OUTLIVED_NS:
            return _ending(self.process, self.event)
        return Ending(process=self.process, parent_pid=self.event.parent_tgid, status=None, at_ns=now_ns)


class Endings:
    """
    Decides whether the exit of a first thread is the end of its process. Times are ns of CLOCK_MONOTONIC.

    Args:
        files: reads /proc.
    """

    def __init__(self, files: ProcFiles) -> None:
        self._files = files
        self._doubts: dict[int, _Doubt] = {}

    @property
    def due_ns(self) -> int | None:
        """
        When `recheck` has something to do; None if every exit is decided.
        """
        return min((doubt.due_ns for doubt in self._doubts.values()), default=None)

    def exited(self, process: Process, event: ProcExit, now_ns: int) -> Ending | None:
        """
        Return the end of a process whose first thread has exited; None if the process goes on.

        An exit that cannot be decided yet is kept for `recheck`.
        """
        self._doubts.pop(process.pid, None)
        if event.exit_code == 0 and not _has_ended(self._stat(process)):
            due_ns = now_ns + _FIRST_CHECK_NS
            self._doubts[process.pid] = _Doubt(process=process, event=event, since_ns=now_ns, due_ns=due_ns)
            return None
        return _ending(process, event)

    def recheck(self, now_ns: int) -> list[Ending]:
        """
        Read /proc again for undecided exits, ever more rarely; return the ends that are certain now.
        """
        endings = []
        for doubt in [doubt for doubt in self._doubts.values() if doubt.due_ns <= now_ns]:
            stat = self._stat(doubt.process)
            age_ns = now_ns - doubt.since_ns
            if _has_ended(stat):
                endings.append(doubt.ending(now_ns))
            if stat is None or not stat.exiting or _has_ended(stat):
                del self._doubts[doubt.process.pid]
            else:
                doubt.due_ns = now_ns + min(age_ns, _OUTLIVED_NS)
        return endings

    def _stat(self, process: Process) -> ProcStat | None:
        """
        Return what /proc says about this process; None if it is gone, or another process has its pid.
        """
        stat = self._files.stat(process.pid)
        same = stat is not None and process.started_at(self._files.start_ns(stat))
        return stat if same else None


def _has_ended(stat: ProcStat | None) -> bool:
    return stat is None or (stat.exiting and stat.threads <= 1)


def _ending(process: Process, event: ProcExit) -> Ending:
    status = _status(event.exit_code)
    return Ending(process=process, parent_pid=event.parent_tgid, status=status, at_ns=event.timestamp_ns)


def _status(raw: int) -> WaitStatus | None:
    try:
        return wait_status(raw)
    except ParseError:
        return None

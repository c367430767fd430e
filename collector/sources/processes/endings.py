"""
Tells the end of a process from the end of its first thread.

The kernel reports threads. A process goes on without its first thread when that one calls pthread_exit, or
when another thread runs a new program (a Go program that calls exec, for one). Both look like an exit with 0,
so those are compared with /proc. The end of a process that has outlived its first thread comes in no event:
it is looked for, and its status remains unknown.
"""

from dataclasses import dataclass
from typing import Final

from collector.procfs import ProcFiles
from collector.sources.processes.table import Process
from parsers.errors import ParseError
from parsers.proc_event import ProcExit, WaitStatus, wait_status
from parsers.proc_files import ProcStat

_FIRST_LOOK_NS: Final = 5_000_000
_OUTLIVED_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """
    The end of a process.

    Attributes:
        parent_pid: whose child it was then; None where the kernel does not tell.
        status: None when nobody could see it.
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
        The end, now that it is known: that of the first thread, or later one that nobody saw.
        """
        if now_ns - self.since_ns < _OUTLIVED_NS:
            return _told(self.process, self.event)
        return Ending(process=self.process, parent_pid=self.event.parent_tgid, status=None, at_ns=now_ns)


class Endings:
    """
    Judges the exits of first threads. Times are CLOCK_MONOTONIC.

    Args:
        files: reads /proc.
    """

    def __init__(self, files: ProcFiles) -> None:
        self._files = files
        self._doubts: dict[int, _Doubt] = {}

    @property
    def waiting(self) -> bool:
        """
        Whether there are exits that could not be judged yet.
        """
        return bool(self._doubts)

    def judge(self, process: Process, event: ProcExit, now_ns: int) -> Ending | None:
        """
        The end of a process, if its first thread's exit is that; None when it goes on or `settle` will tell.
        """
        self._doubts.pop(process.pid, None)
        if event.exit_code == 0 and not _over(self._stat(process)):
            due_ns = now_ns + _FIRST_LOOK_NS
            self._doubts[process.pid] = _Doubt(process=process, event=event, since_ns=now_ns, due_ns=due_ns)
            return None
        return _told(process, event)

    def settle(self, now_ns: int) -> list[Ending]:
        """
        Look again at those in doubt, ever more rarely; gives the ends.
        """
        endings = []
        for doubt in [doubt for doubt in self._doubts.values() if doubt.due_ns <= now_ns]:
            stat = self._stat(doubt.process)
            age_ns = now_ns - doubt.since_ns
            if _over(stat):
                endings.append(doubt.ending(now_ns))
            if stat is None or not stat.exiting or _over(stat):
                del self._doubts[doubt.process.pid]
            else:
                doubt.due_ns = now_ns + min(age_ns, _OUTLIVED_NS)
        return endings

    def _stat(self, process: Process) -> ProcStat | None:
        """
        What /proc says of this process; None when it is gone, or another has its pid.
        """
        stat = self._files.stat(process.pid)
        same = stat is not None and process.started_at(self._files.start_ns(stat))
        return stat if same else None


def _over(stat: ProcStat | None) -> bool:
    return stat is None or (stat.exiting and stat.threads <= 1)


def _told(process: Process, event: ProcExit) -> Ending:
    status = _status(event.exit_code)
    return Ending(process=process, parent_pid=event.parent_tgid, status=status, at_ns=event.timestamp_ns)


def _status(raw: int) -> WaitStatus | None:
    try:
        return wait_status(raw)
    except ParseError:
        return None

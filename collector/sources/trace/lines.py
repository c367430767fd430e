"""
Turns lines of the trace into facts, and asks /proc at once who the sender is and in which container the victim runs.

By then another process may have the pid. So what /proc says counts only if the process that has the pid now had already
been started when the signal was sent.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from collector.facts.lru import LruDict
from collector.facts.observed import Fact, GapFact, SignalFact, VictimMarkedFact
from collector.host.clock import boot_offset_ns
from collector.host.procfs import ProcFiles
from parsers.errors import ParseError
from parsers.proc_files import ProcStat, parse_cgroup, parse_unit
from parsers.trace_line import (
    EventsLost,
    ProgramRun,
    SignalGenerated,
    TaskEnded,
    VictimMarked,
    begins_line,
    parse_line,
)
from sinks.event import GapKind

# Bounds what is kept of a line that never ends.
_LONGEST_BYTES: Final = 65_536
_NS_PER_US: Final = 1000
# Far more than run at once.
_RUNTIMES_KEPT: Final = 1024
# A command of a runtime takes less; its pid may be another process's then.
_RUNTIME_US: Final = 30_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sender:
    """
    What /proc says of a process; nothing where it was gone.

    Attributes:
        at_us: when a runtime began, on the clock of the trace.
    """

    cgroups: bytes | None = None
    uid: int | None = None
    exe: str | None = None
    comm: str | None = None
    at_us: int = 0


class TraceLines:
    """
    Parses the text of a trace, which arrives in pieces of any size.

    Attributes:
        records: lines read.
        garbage: lines that could not be parsed.

    Args:
        proc: reads /proc.
        wall_ns: the wall clock.
        monotonic_ns: CLOCK_MONOTONIC, the clock of the trace's stamps.
        offset_ns: returns how far CLOCK_BOOTTIME is ahead of CLOCK_MONOTONIC.
    """

    def __init__(
        self,
        proc: ProcFiles,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        offset_ns: Callable[[], int] = boot_offset_ns,
    ) -> None:
        self._proc = proc
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self._offset_ns = offset_ns
        self._rest = b""
        self._runtimes: LruDict[int, _Sender] = LruDict(_RUNTIMES_KEPT)
        self.records = 0
        self.garbage = 0

    def feed(self, piece: bytes) -> tuple[Fact, ...]:
        """
        Return the facts of all lines that are complete by now.
        """
        text = self._rest + piece
        whole, newline, rest = text.rpartition(b"\n")
        if not newline:
            self._rest = text[-_LONGEST_BYTES:]
            return ()
        self._rest = rest
        return tuple(fact for line in _lines(whole) if (fact := self._fact(line)) is not None)

    def _fact(self, line: bytes) -> Fact | None:
        self.records += 1
        try:
            parsed = parse_line(line)
        except ParseError:
            self.garbage += 1
            return None
        match parsed:
            case SignalGenerated():
                return self._signal(parsed)
            case VictimMarked():
                return self._victim(parsed)
            case ProgramRun():
                self._note_runtime(parsed)
            case TaskEnded():
                self._runtimes.pop(parsed.pid, None)
            case EventsLost():
                self._runtimes.clear()  # an end may be among them
                count = f"{parsed.count} events" if parsed.count is not None else "Events"
                text = f"{count} of the trace were overwritten before they could be read."
                return GapFact(
                    source="trace", what=GapKind.EVENTS_LOST, at_ns=self._wall_ns(), text=text, count=parsed.count
                )
            case None:
                pass
        return None

    def _victim(self, marked: VictimMarked) -> VictimMarkedFact:
        is_same = self._had_pid(marked.pid, marked.monotonic_us)
        return VictimMarkedFact(
            pid=marked.pid,
            comm=marked.comm,
            at_ns=self._at_ns(marked.monotonic_us),
            container=self._proc.container(marked.pid) if is_same else None,
        )

    def _signal(self, sent: SignalGenerated) -> SignalFact:
        """
        Describe the sender of a signal; it is often gone soon after, so /proc is read now.

        What was read counts only if the process still had the pid afterwards.
        """
        pid = sent.sender_pid
        sender = self._seen(pid, sent.monotonic_us)
        if sender.cgroups is None:
            sender = self._runtime(sent) or sender
        cgroups = sender.cgroups
        return SignalFact(
            signal=sent.signal,
            code=sent.code,
            sender_pid=pid,
            sender_comm=sent.sender_comm or sender.comm,
            sender_uid=sender.uid,
            sender_container=parse_cgroup(cgroups) if cgroups is not None else None,
            sender_unit=parse_unit(cgroups) if cgroups is not None else None,
            sender_exe=sender.exe,
            sender_placed=cgroups is not None,
            target_pid=sent.target_pid,
            target_comm=sent.target_comm,
            at_ns=self._at_ns(sent.monotonic_us),
        )

    def _seen(self, pid: int, monotonic_us: int) -> "_Sender":
        """
        Read what /proc says of a process now, if it is still the one that had the pid at that time.
        """
        cgroups, uid, exe = self._proc.cgroups(pid), self._proc.uid(pid), self._proc.exe(pid)
        comm, stat = self._proc.comm(pid), self._proc.stat(pid)
        if stat is None or not self._had_started(stat, monotonic_us):
            return _Sender()
        # On cgroup v1 a process that exits is in the root.
        return _Sender(cgroups=None if stat.exiting else cgroups, uid=uid, exe=exe, comm=comm)

    def _note_runtime(self, run: ProgramRun) -> None:
        """
        Read who runs a runtime when it begins. It counts until the trace shows the end of its process.
        """
        seen = self._seen(run.pid, run.monotonic_us)
        if seen.cgroups is not None:
            self._runtimes[run.pid] = replace(seen, at_us=run.monotonic_us)

    def _runtime(self, sent: SignalGenerated) -> "_Sender | None":
        """
        Return what was read of a sender that is gone, if it is a runtime that had begun shortly before.
        """
        found = self._runtimes.get(sent.sender_pid)
        if found is None or sent.sender_comm not in (None, found.comm):
            return None
        return found if 0 <= sent.monotonic_us - found.at_us <= _RUNTIME_US else None

    def _had_pid(self, pid: int, monotonic_us: int) -> bool:
        """
        Return whether the process that has a pid now already had it at that time.
        """
        stat = self._proc.stat(pid)
        return stat is not None and self._had_started(stat, monotonic_us)

    def _had_started(self, stat: ProcStat, monotonic_us: int) -> bool:
        return self._proc.start_ns(stat) <= monotonic_us * _NS_PER_US + self._offset_ns()

    def _at_ns(self, monotonic_us: int) -> int:
        return self._wall_ns() - self._monotonic_ns() + monotonic_us * _NS_PER_US


def _lines(whole: bytes) -> Iterator[bytes]:
    """
    Yield the lines of a text; a newline inside a process name does not end a line.
    """
    line = b""
    for piece in whole.split(b"\n"):
        if line and begins_line(piece):
            yield line
            line = piece
        else:
            line = line + b"\n" + piece if line else piece
    yield line

"""
From lines of the trace to facts; /proc is asked at once who a sender is, and where a victim is.

By then another process may have the pid: what /proc says counts only if who has the pid now was there at that moment.
"""

import time
from collections.abc import Callable, Iterator
from typing import Final

from collector.correlate.facts import Fact, GapFact, SignalSeen, VictimSeen
from collector.hostclock import boot_offset_ns
from collector.procfs import ProcFiles
from parsers.errors import ParseError
from parsers.trace_line import EventsLost, SignalGenerated, VictimMarked, begins_line, parse_line

_LONGEST_BYTES: Final = 65_536
_NS_PER_US: Final = 1000


class TraceLines:
    """
    Takes the text of a trace in pieces.

    Attributes:
        records: lines read.
        garbage: lines that could not be understood.

    Args:
        proc: files of /proc.
        wall_ns: the wall clock.
        monotonic_ns: CLOCK_MONOTONIC, as the trace is stamped.
        offset_ns: from CLOCK_MONOTONIC to CLOCK_BOOTTIME.
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
        self.records = 0
        self.garbage = 0

    def feed(self, piece: bytes) -> tuple[Fact, ...]:
        """
        The facts of all lines that are whole by now.
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
            case EventsLost():
                count = f"{parsed.count} events" if parsed.count is not None else "Events"
                text = f"{count} of the trace were overwritten before they could be read."
                what = "events_lost"
                return GapFact(source="trace", what=what, at_ns=self._wall_ns(), text=text, count=parsed.count)
            case None:
                return None

    def _victim(self, marked: VictimMarked) -> VictimSeen:
        there = self._had_pid(marked.pid, marked.monotonic_us)
        return VictimSeen(
            pid=marked.pid,
            comm=marked.comm,
            at_ns=self._at_ns(marked.monotonic_us),
            container=self._proc.container(marked.pid) if there else None,
        )

    def _signal(self, sent: SignalGenerated) -> SignalSeen:
        """
        A sender lives on for a moment at least, and often is gone after that.
        """
        pid = sent.sender_pid
        there = self._had_pid(pid, sent.monotonic_us)
        return SignalSeen(
            signal=sent.signal,
            code=sent.code,
            sender_pid=pid,
            sender_comm=sent.sender_comm or (self._proc.comm(pid) if there else None),
            sender_uid=self._proc.uid(pid) if there else None,
            sender_container=self._proc.container(pid) if there else None,
            sender_unit=self._proc.unit(pid) if there else None,
            target_pid=sent.target_pid,
            target_comm=sent.target_comm,
            at_ns=self._at_ns(sent.monotonic_us),
        )

    def _had_pid(self, pid: int, monotonic_us: int) -> bool:
        """
        Whether who has a pid now had it at a moment already.
        """
        stat = self._proc.stat(pid)
        return stat is not None and self._proc.start_ns(stat) <= monotonic_us * _NS_PER_US + self._offset_ns()

    def _at_ns(self, monotonic_us: int) -> int:
        return self._wall_ns() - self._monotonic_ns() + monotonic_us * _NS_PER_US


def _lines(whole: bytes) -> Iterator[bytes]:
    """
    The lines of a text; a newline within a name does not end one.
    """
    line = b""
    for piece in whole.split(b"\n"):
        if line and begins_line(piece):
            yield line
            line = piece
        else:
            line = line + b"\n" + piece if line else piece
    yield line

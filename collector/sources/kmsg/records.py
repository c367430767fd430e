"""
From records of /dev/kmsg to facts.

Nearly all records neither concern an OOM nor are kernel notices: many are looked at together. Of a report, three lines
identify the kill: its head, the summary and the kill itself. The others are handed on as text, with the line before
them.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

from collector.facts.kernel import kernel_fact
from collector.facts.observed import Fact, GapFact
from collector.host.procfs import ProcFiles
from collector.sources.live_tasks import LiveTasks
from parsers.errors import ParseError
from parsers.kernel import NoticeWindow, may_hold_notice
from parsers.kmsg import parse_record, unescape
from parsers.kmsg_frame import OF_REPORT, Frame, are_next, frame, frame_of, has_words_of_report, may_concern_oom
from parsers.oom.facts import KernelLine
from parsers.oom.window import OomWindow
from sinks.event import EvidenceSource, GapKind

_SOURCE: Final = EvidenceSource.KMSG
# Records that are looked at together. One that may matter has all of them looked at one by one.
_AT_ONCE: Final = 64
# Priorities from here on have a facility other than kern: user space wrote the record.
_USER_SPACE: Final = 8


class Records:
    """
    Reads the records of one kernel log, in their order.

    Args:
        boot_id: this boot.
        wall_ns: converts a stamp of the kernel's log clock, in microseconds, to the wall clock.
        seen_seq: the number of the last record that was read before; None if there was none.
        tasks: looks up the tasks that lines name; tests pass their own.

    Attributes:
        seen_seq: the number of the last record that was read.
        count: how many records were read.
        garbage: how many of them are none.
    """

    def __init__(
        self,
        boot_id: str | None,
        wall_ns: Callable[[int], int],
        seen_seq: int | None = None,
        tasks: LiveTasks | None = None,
    ) -> None:
        self._tasks = tasks if tasks is not None else LiveTasks(ProcFiles())
        self._boot_id = boot_id
        self._wall_ns = wall_ns
        self._window, self._notices = OomWindow(), NoticeWindow()
        self._last: bytes | None = None
        self._newest_kernel: bytes | None = None
        self._facts: list[Fact] = []
        # The record whose line comes next, and the lines that it carries.
        self._open: tuple[bytes, Frame] | None = None
        self._carried: list[tuple[int, str]] = []
        self.seen_seq = seen_seq
        self.count = 0
        self.garbage = 0

    def facts(self, records: Sequence[bytes]) -> list[Fact]:
        """
        Return the facts of the next records.
        """
        for start in range(0, len(records), _AT_ONCE):
            some = records[start : start + _AT_ONCE]
            if self.seen_seq is not None and are_next(some, self.seen_seq):
                self._read_next(some)
                self.seen_seq += len(some)
                self._last = some[-1]
            else:
                for record in some:
                    self._read(record)
                    self._last = record
        self._end_line()
        self.count += len(records)
        self._newest_kernel = next(filter(_is_from_kernel, reversed(records)), self._newest_kernel)
        facts, self._facts = self._facts, []
        return facts

    def newest_kernel_us(self) -> int | None:
        """
        Return the stamp of the last record that the kernel itself wrote; None if there was none.
        """
        return stamp_of(self._newest_kernel) if self._newest_kernel is not None else None

    def _read_next(self, records: Sequence[bytes]) -> None:
        """
        Read records whose numbers are known. Nearly all need no more than a look at all of them at once.

        Most of a report, such as the stack of a process, needs no more than a look either.
        """
        joined = b"".join(records)
        has_notice = not self._notices.closed or may_hold_notice(joined)
        if self._window.closed and not has_notice and not may_concern_oom(joined):
            return
        for record in records:
            decoded = record.decode("latin-1")
            part = OF_REPORT.match(decoded)
            if part is not None and self._carries(part):
                continue
            if part is not None or has_words_of_report(decoded) or (has_notice and self._is_near_notice(record)):
                framed = frame_of(decoded)
                if framed is None:
                    self.garbage += 1
                else:
                    self._select(record, framed)
            else:
                self._window.skip()

    def _is_near_notice(self, record: bytes) -> bool:
        return not self._notices.closed or may_hold_notice(record)

    def _read(self, record: bytes) -> None:
        decoded = record.decode("latin-1")
        framed = frame_of(decoded)
        if framed is None:
            self.garbage += 1
            return
        seen, seq = self.seen_seq, framed.seq
        if seen is not None and seq <= seen:
            return
        self.seen_seq = seq
        if seen is not None and seq > seen + 1:
            self._end_line()
            self._facts.append(self._lost(seen, seq, framed.monotonic_us))
        part = OF_REPORT.match(decoded)
        if part is None or not self._carries(part):
            self._select(record, framed)

    def _select(self, record: bytes, framed: Frame) -> None:
        """
        Take a record that can matter as a line of its own.
        """
        text = framed.text
        if framed.priority >= _USER_SPACE:
            return
        is_of_oom = self._window.wants(text, framed.monotonic_us, fragment=framed.is_fragment)
        is_of_notice = self._notices.wants(text)
        if not is_of_oom and not is_of_notice:
            return
        self._end_line()
        self._open = (record, framed)

    def _carries(self, part: re.Match[str]) -> bool:
        """
        Add a part of a report to the line before it, if that can carry it and the same caller printed it.
        """
        time_us, rest, text = part.groups()
        if text is None or self._open is None or rest != self._open[1].rest:
            return False
        if self._window.closed or not self._notices.closed:
            return False
        self._carried.append((int(time_us), unescape(text.encode("ascii")) if "\\" in text else text))
        self._window.skip()
        return True

    def _end_line(self) -> None:
        """
        Hand on the line that is open, with the lines that it carries.
        """
        opened, self._open = self._open, None
        carried, self._carried = self._carried, []
        if opened is not None:
            try:
                fact = kernel_fact(_SOURCE, self._line(*opened, lines_after=tuple(carried)))
                self._facts.append(self._tasks.add_to(fact))
            except ParseError:
                self.garbage += 1

    def _line(self, record: bytes, framed: Frame, lines_after: tuple[tuple[int, str], ...]) -> KernelLine:
        if framed.is_plain:
            text, caller, is_fragment = framed.text, framed.caller, framed.is_fragment
        else:
            parsed = parse_record(record)
            text, caller, is_fragment = parsed.text, parsed.caller, parsed.fragment
        return KernelLine(
            text=text,
            monotonic_us=framed.monotonic_us,
            boot_id=self._boot_id,
            at_ns=self._wall_ns(framed.monotonic_us),
            seq=framed.seq,
            caller=caller,
            fragment=is_fragment,
            lines_after=lines_after,
        )

    def _lost(self, seen_seq: int, seq: int, monotonic_us: int) -> GapFact:
        count = seq - seen_seq - 1
        before_us = stamp_of(self._last) if self._last is not None else None
        at_ns = self._wall_ns(monotonic_us)
        return GapFact(
            source=_SOURCE,
            what=GapKind.RECORDS_LOST,
            at_ns=at_ns,
            text=f"{count} records of the kernel log were overwritten before they could be read.",
            count=count,
            from_ns=self._wall_ns(before_us) if before_us is not None else None,
            to_ns=at_ns,
        )


def stamp_of(record: bytes) -> int | None:
    """
    Return the stamp of a record, in microseconds since boot; None for garbage.
    """
    framed = frame(record)
    return framed.monotonic_us if framed is not None else None


def _is_from_kernel(record: bytes) -> bool:
    return record[1:2] == b","  # a priority of one digit, see _USER_SPACE

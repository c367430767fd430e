"""
Parse pasted text from any host into messages of the kernel log.

The formats of dmesg, journalctl, syslog and of log shippers are understood, and all of these quoted, indented, wrapped
or carried by one another; `parsers.carriers.table` lists them. Nothing proves who wrote such a text, and forged lines
are believed. So this module is for text that an operator brings, never for watching a host.

    [   65.481992] Out of memory: Killed
    process 1968 (memkiller) total-vm:2099436kB, anon-rss:1971712kB,
    file-rss:1024kB, shmem-rss:0kB, UID:0 pgtables:3904kB oom_score_adj:0
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from parsers.carriers.core_dumps import begins_core_dump, core_dump, with_stack
from parsers.carriers.joining import Joiner, width_of
from parsers.carriers.journald import EXPORT, KMSG_PROPERTY, export, kmsg, verbose
from parsers.carriers.kernel_text import may_be_message
from parsers.carriers.log_prefix import Chains, split_prefix
from parsers.carriers.markup import cleaned_lines
from parsers.carriers.message import PastedLine
from parsers.carriers.nesting import add_outer, add_prefix, pasted_line, within
from parsers.carriers.ordering import Order
from parsers.carriers.prefixed import Prefixed
from parsers.carriers.quotes import unquoted
from parsers.carriers.records import Found, RecordReader
from parsers.carriers.regions import Bounds, Part, parts
from parsers.carriers.selection import Run, Selection

__all__ = ["Bounds", "PastedLine", "lines"]

# How a line ends that may be in quotes, backticks or a table.
_CLOSING: Final = frozenset("`\"'\u201d|,;")
# How many carriers can be inside one another, and how long a line can be: a bound on the work.
_DEPTH_AT_MOST: Final = 4
_LINE_LENGTH_AT_MOST: Final = 65536
_BETWEEN_RECORDS: Final = re.compile(r"(?<=[}\]]),\s*(?=[{\[])")
_LESSONS_AT_MOST: Final = 200
# What is kept of a part for the next one.
_TAIL_ROWS: Final = 100
_TAIL_LENGTH: Final = 65536
_KEPT_BYTES_AT_MOST: Final = 1024 * 1024


def lines(text: bytes | str | Iterable[bytes], bounds: Bounds | None = None) -> Iterator[PastedLine]:
    """
    Yield the messages of a text in the order in which they were written, including those of user space.

    Of a large text only the parts are read that can have to do with an OOM.

    Args:
        text: the text, or its bytes in pieces of any size.
        bounds: how much is held at once.
    """
    bounds = bounds if bounds is not None else Bounds()
    if isinstance(text, str):
        text = text.encode("utf-8", "surrogateescape")
    reader, order = _Reader(), Order(bounds.messages)
    for part in parts([text] if isinstance(text, bytes) else text, bounds):
        yield from order.feed(reader.feed(part))
    yield from order.feed(reader.flush())
    yield from order.flush()


class _Reader:
    """
    Read the parts of one text, and remember what they teach about its form.

    The end of a part may be the beginning of a record or of a wrapped line. So the last lines are kept, from the
    beginning of a message on, and read once more together with the next part.
    """

    def __init__(self) -> None:
        self._selection = Selection()
        self._records = RecordReader()
        self._chains: Chains = {}
        self._joiner = Joiner()
        self._block: list[Prefixed] = []
        self._rows: Sequence[str] = ()
        self._first_row = 1
        self._export = b""

    def feed(self, part: Part) -> list[PastedLine]:
        """
        Return the messages of a part, in the order of the text, and those that were kept of the part before.
        """
        found = [] if part.joined else self.flush()
        data = self._export + part.data
        number = part.number - self._export.count(b"\n")
        self._export = b""
        match = EXPORT.search(data)
        if match is None:
            return found + self._text(data, number, part)
        begin = match.end() - len(b"__CURSOR=")
        last = data.rfind(b"\n__CURSOR=", begin) + 1 or begin
        found += self._text(data[:begin], number, part) + self._end_of_rows()
        found += export(data[begin:last], number + data.count(b"\n", 0, begin))
        self._export, self._first_row = data[last:], number + data.count(b"\n", 0, last)
        return found + (self.flush() if len(self._export) > _KEPT_BYTES_AT_MOST else [])

    def flush(self) -> list[PastedLine]:
        """
        Return the messages that were kept.
        """
        found = list(export(self._export, self._first_row)) if self._export else []
        self._export = b""
        return found + self._end_of_rows()

    def _text(self, data: bytes, number: int, part: Part) -> list[PastedLine]:
        rows = list(_short_rows(cleaned_lines(data.decode("utf-8", "surrogateescape"))))
        if part.whole:
            return list(self._printed(rows, number))
        if rows and not rows[-1]:
            rows.pop()
        return [
            message for run in self._selection.runs(rows, number, joined=part.joined) for message in self._of_run(run)
        ]

    def _of_run(self, run: Run) -> list[PastedLine]:
        found = [] if run.joined else self._end_of_rows()
        rows, first = [*self._rows, *run.rows], run.number - len(self._rows)
        self._rows = ()
        messages = list(self._printed(rows, first))
        if run.ended:
            return found + messages
        last = first + len(rows) - _tail(rows)
        begin = max((number for message in messages if first < (number := message.number or 0) <= last), default=None)
        if begin is None:
            if sum(map(len, rows)) > _KEPT_BYTES_AT_MOST:
                return found + messages
            begin = first
        self._rows, self._first_row = rows[begin - first :], begin
        return found + [message for message in messages if (message.number or 0) < begin]

    def _end_of_rows(self) -> list[PastedLine]:
        rows, self._rows = self._rows, ()
        return list(self._printed(rows, self._first_row)) if rows else []

    def _printed(self, rows: Sequence[str], first: int) -> Iterator[PastedLine]:
        """
        Yield the messages of lines, printed for people or as records.
        """
        self._learn(rows)
        found = list(self._prefixed(rows, first))
        self._joiner.width = width_of([line for line in found if isinstance(line, Prefixed)])
        for item in found:
            if isinstance(item, Prefixed):
                if item.prefixed:
                    yield from self._end_of_block()
                self._block.append(item)
            else:
                yield from self._end_of_block()
                yield item
        yield from self._end_of_block()

    def _learn(self, rows: Sequence[str]) -> None:
        """
        Learn the prefixes of other tools from the lines of a report, because table rows alone do not show them.
        """
        lessons = 0
        for row in rows:
            if may_be_message(row):
                split_prefix(row, self._chains)
                lessons += 1
            if lessons >= _LESSONS_AT_MOST:
                break

    def _prefixed(self, rows: Sequence[str], first: int) -> Iterator[Prefixed | PastedLine]:
        at = 0
        while at < len(rows):
            found, count = self._record(rows, at)
            for item in found:
                yield from self._of_record(item, first + at, 0)
            if not count:
                line, count = self._line_at(rows, at, first + at)
                yield line
            at += count

    def _record(self, rows: Sequence[str], at: int, *, nested: bool = False) -> tuple[list[Found], int]:
        """
        Return what the record at a line holds, and its number of lines; 0 lines if there is no record.
        """
        printed = rows[at].lstrip("> \t\x1e")
        dumped, count = core_dump(rows, at)
        if dumped is not None:
            return [dumped], count
        if printed[:1].isdigit():
            record = kmsg(printed)
            if record is not None:
                count = 1
                while at + count < len(rows) and KMSG_PROPERTY.match(rows[at + count]) is not None:
                    count += 1
                return [record], count
        if printed.endswith("]") and "[s=" in printed:
            pasted, count = verbose(rows, at)
            if count:
                return [pasted] if pasted is not None else [], count
        return self._records.read(rows, at, nested=nested)

    def _of_record(self, item: Found, number: int, depth: int) -> Iterator[Prefixed | PastedLine]:
        """
        Yield the messages inside a record; its text may have any carrier of its own.
        """
        if isinstance(item, PastedLine):
            yield replace(item, number=item.number or number)
            return
        rows = [row for row in cleaned_lines(item.text) if row.strip()]
        at = 0
        while at < len(rows):
            found, count = self._record(rows, at, nested=True) if depth < _DEPTH_AT_MOST else ([], 0)
            for inner in found:
                yield from self._of_record(within(inner, item), number, depth + 1)
            if not count:
                line, count = self._line_at(rows, at, number)
                add_outer(line, item)
                yield line
            at += count

    def _line_at(self, rows: Sequence[str], at: int, number: int) -> tuple[Prefixed, int]:
        """
        Return a line without its prefix, and how many lines it has: more than one if it is a core dump with its stack.
        """
        line = self._line(rows[at], number)
        if not begins_core_dump(line.text, line.identifier):
            return line, 1
        line.text, of_stack = with_stack(line.text, rows, at + 1)
        line.prefixed, line.from_kernel = True, False
        return line, 1 + of_stack

    def _line(self, row: str, number: int) -> Prefixed:
        """
        Remove quotes and prefixes from a line.
        """
        outer: list[Prefixed] = []
        for _ in range(_DEPTH_AT_MOST):
            inner = unquoted(row) if row.rstrip()[-1:] in _CLOSING else None
            if inner is not None:
                row = inner.text
                continue
            line = split_prefix(row, self._chains)
            if not line.prefixed or line.text.rstrip()[-1:] not in _CLOSING or unquoted(line.text) is None:
                break
            outer.append(line)
            row = line.text
        else:
            line = split_prefix(row, self._chains)
        for before in reversed(outer):
            add_prefix(line, before)
        line.number = number
        return line

    def _end_of_block(self) -> Iterator[PastedLine]:
        for head, text in self._joiner.messages(self._block):
            yield pasted_line(head, text)
        self._block = []


def _short_rows(rows: Iterable[str]) -> Iterator[str]:
    """
    Yield lines; one that is very long is cut between its records, else at a length.
    """
    for row in rows:
        if len(row) <= _LINE_LENGTH_AT_MOST:
            yield row
            continue
        for record in _BETWEEN_RECORDS.split(row):
            yield from (record[at : at + _LINE_LENGTH_AT_MOST] for at in range(0, len(record), _LINE_LENGTH_AT_MOST))


def _tail(rows: Sequence[str]) -> int:
    """
    Return how many of the last lines a record or a wrapped line can have.
    """
    length = 0
    for count, row in enumerate(reversed(rows)):
        length += len(row) + 1
        if count >= _TAIL_ROWS or length > _TAIL_LENGTH:
            return count
    return len(rows)

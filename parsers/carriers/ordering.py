"""
Put the messages of a report in the order in which the kernel wrote them.

`journalctl -r` and dashboards print the newest line first, `sort` mixes lines of one second, and people paste the
summary below the kill line. Order is decided by stamps, and between equal stamps by the grammar of a report.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from parsers.carriers.message import PastedLine
from parsers.oom.line import Invoked, TriggerCpuset, TriggerProcess, parse_line
from parsers.oom.summary import Summary
from parsers.oom.table import MemcgStats, TaskHeader, Usage
from parsers.oom.victim import Killed

# How many lines a summary may stand below its kill line.
_SUMMARY_BELOW_AT_MOST: Final = 3
# A bound on the memory of messages that are held.
_LENGTH_AT_MOST: Final = 4 * 1024 * 1024
_ROW_RANK: Final = 5
_KILL_RANK: Final = 7
_ORDINARY: Final = -1
_RANKS: Final[dict[type, int]] = {
    Invoked: 0,
    TriggerProcess: 1,
    TriggerCpuset: 1,
    Usage: 2,
    MemcgStats: 3,
    TaskHeader: 4,
    Summary: 6,
    Killed: _KILL_RANK,
}


class Order:
    """
    Put the messages of one text in order, as many at once as a bound allows: they are cut between two reports.

    Args:
        at_most: how many messages are held.
    """

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._held: list[PastedLine] = []
        self._ranks: list[int] = []
        self._length = 0
        self._is_newest_first = False

    def feed(self, messages: Sequence[PastedLine]) -> list[PastedLine]:
        """
        Add messages in the order of the text; return those whose order is known, in the order of time.
        """
        self._held += messages
        self._ranks += map(_rank, messages)
        self._length += sum(len(message.line.text) for message in messages)
        if len(self._held) <= self._at_most and self._length <= _LENGTH_AT_MOST:
            return []
        self._is_newest_first = _is_newest_first(self._held, self._ranks, default=self._is_newest_first)
        border = _border(self._ranks, newest_first=self._is_newest_first)
        if not border and len(self._held) <= 2 * self._at_most and self._length <= 2 * _LENGTH_AT_MOST:
            return []
        return self._release(border or len(self._held))

    def flush(self) -> list[PastedLine]:
        """
        End the text and return what is held, in the order of time.
        """
        return self._release(len(self._held))

    def _release(self, count: int) -> list[PastedLine]:
        messages, ranks = self._held[:count], self._ranks[:count]
        self._held, self._ranks = self._held[count:], self._ranks[count:]
        self._length = sum(len(message.line.text) for message in self._held)
        self._is_newest_first = _is_newest_first(messages, ranks, default=self._is_newest_first)
        if self._is_newest_first:
            messages.reverse()
            ranks.reverse()
        elif _is_sorted(messages, ranks):
            messages = _by_grammar(messages, ranks)
            ranks = [_rank(message) for message in messages]
        _raise_summaries(messages, ranks)
        return messages


def _border(ranks: Sequence[int], *, newest_first: bool) -> int:
    """
    Return where the last report begins, in the order of the text; 0 if the messages have only one.
    """
    last_head = len(ranks) - 1 - ranks[::-1].index(0) if 0 in ranks else 0
    return last_head + 1 if newest_first and last_head else last_head


def _rank(message: PastedLine) -> int:
    """
    Return the place of a line in a report; `_ORDINARY` for lines that can be anywhere.
    """
    text = message.line.text
    if not message.from_kernel:
        return _ORDINARY
    rank = _RANKS.get(type(parse_line(text)))
    if rank is not None:
        return rank
    return _ROW_RANK if text.startswith("[") else _ORDINARY


def _is_newest_first(messages: Sequence[PastedLine], ranks: Sequence[int], *, default: bool) -> bool:
    """
    Return whether the newest message stands first, by the stamps of the kernel, else by dates, else by the grammar.
    """
    last: dict[str | None, int] = {}
    rises = falls = 0
    for message in messages:
        now = message.line.monotonic_us
        if now is not None:
            before = last.get(message.host, now)
            rises += now > before
            falls += now < before
            last[message.host] = now
    if not (rises or falls):
        dates = [message.line.at_ns for message in messages if message.line.at_ns is not None]
        rises = sum(later > before for before, later in pairwise(dates))
        falls = sum(later < before for before, later in pairwise(dates))
    if rises or falls:
        return falls > rises
    return _grammar_falls(ranks, default=default)


def _grammar_falls(ranks: Sequence[int], *, default: bool) -> bool:
    """
    Return whether reports stand upside down: each step goes back, from the kill to the head.
    """
    known = [rank for rank in ranks if rank != _ORDINARY]
    if 0 not in known or _KILL_RANK not in known:
        return default
    pairs = [(before, later) for before, later in pairwise(known) if before != later]
    back = sum(later < before for before, later in pairs)
    return back > len(pairs) - back and known.index(_KILL_RANK) < known.index(0)


def _is_sorted(messages: Sequence[PastedLine], ranks: Sequence[int]) -> bool:
    """
    Return whether one report, all of one time, has its kill line before its head.
    """
    heads, kills = ranks.count(0), ranks.count(_KILL_RANK)
    if heads != 1 or kills != 1 or ranks.index(_KILL_RANK) > ranks.index(0):
        return False
    if len({(message.host, message.pasted_time, message.line.monotonic_us) for message in messages}) != 1:
        return False
    kill = parse_line(messages[ranks.index(_KILL_RANK)].line.text)
    return isinstance(kill, Killed) and any(_has_process(message, kill) for message in messages)


def _has_process(message: PastedLine, kill: Killed) -> bool:
    """
    Return whether a row of the task table, or the summary, has the killed process.
    """
    text = message.line.text
    return _names(message, kill) or (text.startswith("[") and text[1:].partition("]")[0].strip() == str(kill.pid))


def _by_grammar(messages: Sequence[PastedLine], ranks: Sequence[int]) -> list[PastedLine]:
    """
    Order the lines of one report; values of the statistics, which have no rank, go behind their heading.
    """
    keys = [rank if rank != _ORDINARY else 3.5 for rank in ranks]
    return [message for _, message in sorted(zip(keys, messages, strict=True), key=lambda keyed: keyed[0])]


def _raise_summaries(messages: list[PastedLine], ranks: list[int]) -> None:
    """
    Move each summary that stands right below the kill line of its process above it.
    """
    for at, rank in enumerate(ranks):
        if rank != _KILL_RANK:
            continue
        kill = parse_line(messages[at].line.text)
        if not isinstance(kill, Killed) or (at and _names(messages[at - 1], kill)):
            continue
        for below in range(at + 1, min(len(messages), at + 1 + _SUMMARY_BELOW_AT_MOST)):
            if ranks[below] == 0 or ranks[below] == _KILL_RANK:
                break
            if _names(messages[below], kill) and messages[below].host == messages[at].host:
                messages.insert(at, messages.pop(below))
                ranks.insert(at, ranks.pop(below))
                break


def _names(message: PastedLine, kill: Killed) -> bool:
    fact = parse_line(message.line.text)
    return isinstance(fact, Summary) and fact.pid == kill.pid

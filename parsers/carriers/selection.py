"""
Select the lines of a large text that can matter: those around the words of a report, and whole reports.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from parsers.carriers.regions import GROUPS, HEAD, KILL

_GROUPS: Final = tuple((shared.decode(), tuple(word.decode() for word in words)) for shared, words in GROUPS)
_HEAD: Final = HEAD.decode()
_KILL: Final = KILL.decode()
# Pretty-printed records have some 30 lines each.
_LINES_AROUND: Final = 100
_LINES_OF_REPORT: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """
    Lines that follow one another in a text.

    Attributes:
        number: the number of the first line in the text, from 1.
        joined: the first line follows the last one of the run before.
        ended: the next run, if any, is not joined to this one.
    """

    rows: Sequence[str]
    number: int
    joined: bool
    ended: bool


class Selection:
    """
    Select the lines of one text that is read in parts.
    """

    def __init__(self) -> None:
        self._lines_left = 0
        self._before: Sequence[str] = ()
        self._open = False

    def runs(self, rows: Sequence[str], number: int, *, joined: bool) -> Iterator[Run]:
        """
        Yield the lines of a part that can matter.

        Args:
            rows: the lines of the part.
            number: the number of the first one.
            joined: the part begins where the part before it ends.
        """
        if not joined:
            self._lines_left, self._before, self._open = 0, (), False
        rows, number = [*self._before, *rows], number - len(self._before)
        wanted = self._wanted(rows)
        marked = [*wanted, True, False]
        begin = marked.index(True)
        end = 0
        while begin < len(rows):
            end = min(marked.index(False, begin), len(rows))
            is_joined, ended = self._open and not begin, end < len(rows)
            yield Run(rows=rows[begin:end], number=number + begin, joined=is_joined, ended=ended)
            begin = marked.index(True, end)
        self._open = bool(wanted) and wanted[-1]
        self._before = rows[max(end, len(rows) - _LINES_AROUND) :]

    def _wanted(self, rows: Sequence[str]) -> list[bool]:
        wanted = [False] * len(rows)
        at = 0  # the first line that is not decided yet
        for number, text in _with_words(rows):
            at = self._want_more(wanted, at, number)
            begin = max(at, number - _LINES_AROUND)
            wanted[begin : number + 1] = [True] * (number + 1 - begin)
            self._lines_left = _lines_after(text, self._lines_left) - 1
            at = number + 1
        self._want_more(wanted, at, len(rows))
        return wanted

    def _want_more(self, wanted: list[bool], begin: int, end: int) -> int:
        """
        Want lines that have no words, as many as are left; return the first one that is not wanted.
        """
        more = min(self._lines_left, end - begin)
        wanted[begin : begin + more] = [True] * more
        self._lines_left -= more
        return begin + more


def _lines_after(text: str, left: int) -> int:
    """
    Return how many lines are wanted from a line with a word of a report on.
    """
    if _HEAD in text:
        return _LINES_OF_REPORT
    return _LINES_AROUND if _KILL in text else max(left, _LINES_AROUND)


def _with_words(rows: Sequence[str]) -> Iterator[tuple[int, str]]:
    """
    Yield the lines that have a word of a report: their numbers from 0, and the lines in small letters.

    All lines are searched at once, which takes a tenth of the time.
    """
    text = "\n".join(rows).lower()
    number = counted = 0
    for begin in sorted(set(_begins_of_lines(text))):
        number += text.count("\n", counted, begin)
        counted = begin
        yield number, rows[number].lower()


def _begins_of_lines(text: str) -> Iterator[int]:
    """
    Yield where the lines begin that have a word, several times if a line has several words.
    """
    for word in (word for shared, words in _GROUPS if shared in text for word in words):
        at = text.find(word)
        while at >= 0:
            yield text.rfind("\n", 0, at) + 1
            end = text.find("\n", at)
            at = text.find(word, end) if end >= 0 else -1

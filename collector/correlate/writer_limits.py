"""
Limits on how many kills one program may report: whoever can write as that program can otherwise flood the agent.

What is above the limit of a minute is counted and published as one gap.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from collector.facts.lru import LruDict
from collector.facts.observed import GapFact, Origin
from parsers.killers import NOBODY_KNOWN, Author
from sinks.event import GapKind

_NS_PER_S: Final = 1_000_000_000
_WINDOW_S: Final = 60
_WINDOW_NS: Final = _WINDOW_S * _NS_PER_S
# A storm on a large host; and what a user's systemd, which the user can forge, may say.
_LIMIT: Final = 6000
_LIMIT_IN_DOUBT: Final = 10
_WRITERS_KEPT: Final = 256


@dataclass(slots=True, kw_only=True)
class _Window:
    """
    One minute of one writer, by the stamps of its entries.

    Attributes:
        limit: how many reports are taken.
        refused_since_ns: when the first report was refused, on the clock of deadlines.
        origin: the reading of the first report that was refused.
    """

    from_ns: int
    limit: int
    to_ns: int = 0
    taken: int = 0
    refused: int = 0
    refused_since_ns: int | None = None
    origin: Origin | None = None


class WriterLimits:
    """
    The limits of the programs that report kills in the journal.
    """

    def __init__(self) -> None:
        self._windows: LruDict[str, _Window] = LruDict(_WRITERS_KEPT)
        self._ended: list[GapFact] = []

    def admit(self, author: Author, at_ns: int | None, now_ns: int, origin: Origin | None) -> bool:
        """
        Return whether one more report of a program is taken; count it if not.

        A text without trusted fields has no limit: a person chose it.

        Args:
            author: who wrote the report.
            at_ns: when journald received it.
            now_ns: a clock that only goes forward.
            origin: the reading that it came in.
        """
        if at_ns is None or author == NOBODY_KNOWN:
            return True
        window = self._window(author, at_ns)
        window.to_ns = max(window.to_ns, at_ns)
        if window.taken < window.limit:
            window.taken += 1
            return True
        window.refused += 1
        if window.refused_since_ns is None:
            window.refused_since_ns, window.origin = now_ns, origin
        return False

    def take(self, now_ns: int) -> list[GapFact]:
        """
        Return the gaps of minutes that are over.
        """
        for name, window in list(self._windows.items()):
            if window.refused_since_ns is not None and now_ns >= window.refused_since_ns + _WINDOW_NS:
                self._end(name)
        ended, self._ended = self._ended, []
        return ended

    def flush(self) -> list[GapFact]:
        """
        End the input: return all gaps.
        """
        for name in list(self._windows):
            self._end(name)
        ended, self._ended = self._ended, []
        return ended

    def next_deadline_ns(self) -> int | None:
        """
        Return when `take` should be called next.
        """
        since_ns = [window.refused_since_ns for window in self._windows.values()]
        return min((at_ns + _WINDOW_NS for at_ns in since_ns if at_ns is not None), default=None)

    def held(self) -> Iterable[Origin]:
        """
        Return the readings that must be read again if the agent dies now.
        """
        return [window.origin for window in self._windows.values() if window.origin is not None]

    def _window(self, author: Author, at_ns: int) -> _Window:
        """
        Return the minute of a writer that a report belongs to; entries come in order, but for a clock that is set.
        """
        window = self._windows.get(author.name)
        if window is not None and abs(at_ns - window.from_ns) < _WINDOW_NS:
            return window
        if window is not None:
            self._end(author.name)
        elif len(self._windows) == _WRITERS_KEPT:
            self._end(next(iter(self._windows)))
        limit = _LIMIT if author.doubt is None else _LIMIT_IN_DOUBT
        window = self._windows[author.name] = _Window(from_ns=at_ns, limit=limit)
        return window

    def _end(self, name: str) -> None:
        window = self._windows.pop(name)
        if window.refused:
            self._ended.append(_gap(name, window))


def _gap(name: str, window: _Window) -> GapFact:
    text = (
        f"{name} reported {window.taken + window.refused} OOM kills within {_WINDOW_S} s; the last {window.refused} "
        "were not read."
    )
    return GapFact(
        source="journald",
        what=GapKind.WRITER_LIMITED,
        at_ns=window.to_ns,
        text=text,
        count=window.refused,
        from_ns=window.from_ns,
        to_ns=window.to_ns,
    )

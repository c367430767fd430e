"""
What `exit137 explain --file` says of a text in which no kill was found.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from collector.cli.common import UNREADABLE, fail
from collector.cli.messages import notice
from collector.recordings.other_text import answer
from parsers.oom.mentions import count_mentions, may_mention_kill

# Docker's events and inspections that are pasted are short.
_BEGINNING_BYTES: Final = 4 * 1024 * 1024
_LINE_BYTES_AT_MOST: Final = 1024 * 1024
# More lines that speak of a kill are not counted: to look at each takes long.
_MENTIONS_AT_MOST: Final = 10_000


class PassingText:
    """
    What is needed of a text that is read in pieces if no kill is found in it: its beginning and a few counts.
    """

    def __init__(self) -> None:
        self.beginning = bytearray()
        self.lines = self.mentions = 0
        self.first_mention: int | None = None
        self._cut = b""

    def of(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """
        Yield the pieces, and count.
        """
        for piece in pieces:
            if len(self.beginning) < _BEGINNING_BYTES:
                self.beginning += piece
            self._add(piece)
            yield piece
        if self._cut:
            self._add(b"\n")

    def _add(self, piece: bytes) -> None:
        """
        Count the lines that end in a piece, and those that speak of an OOM kill.
        """
        text = self._cut + piece
        end = text.rfind(b"\n") + 1 or (len(text) if len(text) > _LINE_BYTES_AT_MOST else 0)
        self._cut = text[end:]
        whole = text[:end]
        if self.mentions < _MENTIONS_AT_MOST and may_mention_kill(whole):
            count, first = count_mentions(whole.decode("utf-8", "replace").split("\n"))
            self.mentions += count
            if first is not None and self.first_mention is None:
                self.first_mention = self.lines + first
        self.lines += whole.count(b"\n")


def answer_without_events(text: PassingText) -> None:
    """
    Say what a text without a readable kill says; "no OOM kill" only if no line speaks of one.
    """
    other = answer(text.beginning.decode("utf-8", "replace"))
    if other is not None:
        notice(other)
        return
    if text.mentions:
        speak = "line speaks" if text.mentions == 1 else "lines speak"
        first = text.first_mention
        at_least = "at least " if text.mentions >= _MENTIONS_AT_MOST else ""
        fail(
            f"{at_least}{text.mentions} {speak} of an OOM kill and could not be read, the first is line {first}",
            UNREADABLE,
        )
    notice(f"no OOM kill found, lines read: {text.lines}")

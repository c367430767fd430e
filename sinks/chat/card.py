"""
A message before it has the form of one chat or another: plain text, in the order in which it is read.

Nothing in it is escaped. A form escapes each line and cuts it to its room, so that no text from outside is ever markup.
All rooms of a card together stay below the narrowest of the limits, that of Discord (docs/sinks/slack.md).
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

TITLE_ROOM: Final = 120
WHERE_ROOM: Final = 300


class Tone(Enum):
    """
    How a person should take it: a coloured dot before the title, and the colour (RGB) of what has a coloured edge.
    """

    BAD = ("\N{LARGE RED CIRCLE}", 0xC0392B)
    WARNING = ("\N{LARGE ORANGE CIRCLE}", 0xE67E22)
    GOOD = ("\N{LARGE GREEN CIRCLE}", 0x27AE60)
    QUIET = ("\N{MEDIUM WHITE CIRCLE}", 0x95A5A6)

    def __init__(self, mark: str, colour: int) -> None:
        self.mark = mark
        self.colour = colour


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """
    A piece of a card.

    Attributes:
        heading: words of our own, never from outside.
        lines: what is told.
        room: characters for each line once it is escaped; what is longer is cut.
        verbatim: text of a program, in letters of equal width.
    """

    heading: str | None = None
    lines: tuple[str, ...] = ()
    room: int
    verbatim: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """
    One message.

    Attributes:
        title: what happened, in a few words.
        sections: the rest, the most important first.
        where: host, container and such, in small letters.
    """

    tone: Tone
    title: str
    sections: tuple[Section, ...]
    where: str

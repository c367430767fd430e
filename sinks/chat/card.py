"""
A message before it has the format of a particular chat: plain text in reading order.

Nothing in a card is escaped. Each format escapes every line and cuts it to its room, so that text from outside is never
markup. The rooms of a card add up to less than the smallest limit, that of Discord (docs/sinks/slack.md).
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

TITLE_ROOM: Final = 120
WHERE_ROOM: Final = 300


class Tone(Enum):
    """
    How serious a message is: a coloured dot before the title, and the colour (RGB) of an edge where a chat has one.
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
    A part of a card.

    Attributes:
        heading: a fixed text, never from outside.
        lines: the content.
        room: the most characters of each line after escaping; longer lines are cut.
        verbatim: True for the output of a program, shown in a monospaced font.
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
        tone: how serious it is.
        title: what happened, in a few words.
        sections: the details, most important first.
        where: host, container, time and a command, in small print.
    """

    tone: Tone
    title: str
    sections: tuple[Section, ...]
    where: str

"""
A card as an Adaptive Card 1.4, for a Workflows webhook of Microsoft Teams (adaptivecards.io/explorer).

Each line is a text run in a RichTextBlock, which has no markup at all. Teams accepts 28 KB; a card is smaller.
"""

from collections.abc import Iterator
from typing import Any, Final, assert_never

import orjson

from sinks.chat.card import TITLE_ROOM, WHERE_ROOM, Card, Section, Tone
from sinks.chat.escaping import escape_and_cut

_PLAIN: Final[dict[str, str]] = {}


def teams(card: Card) -> bytes:
    """
    Build the request body.
    """
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": list(_body(card)),
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content}
    return orjson.dumps({"type": "message", "attachments": [attachment]})


def _body(card: Card) -> Iterator[dict[str, Any]]:
    title = f"{card.tone.mark} {escape_and_cut(card.title, TITLE_ROOM, _PLAIN)}"
    yield _line(title, size="Large", weight="Bolder", color=_colour(card.tone))
    for section in card.sections:
        yield from _section(section)
    yield _line(escape_and_cut(card.where, WHERE_ROOM, _PLAIN), size="Small", isSubtle=True)


def _section(section: Section) -> Iterator[dict[str, Any]]:
    look = {"fontType": "Monospace"} if section.verbatim else {}
    if section.heading is not None:
        yield _line(section.heading, weight="Bolder")
    for number, line in enumerate(section.lines):
        # Teams rejects empty text runs.
        text = escape_and_cut(line, section.room, _PLAIN) or " "
        first = number == 0 and section.heading is None
        yield _line(text, **look) if first else {**_line(text, **look), "spacing": "None"}


def _line(text: str, **look: str | bool) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **look}]}


def _colour(tone: Tone) -> str:
    match tone:
        case Tone.BAD:
            return "Attention"
        case Tone.WARNING:
            return "Warning"
        case Tone.GOOD:
            return "Good"
        case Tone.QUIET:
            return "Default"
        case _:
            assert_never(tone)

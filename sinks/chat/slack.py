"""
Slack's form of a card: Block Kit (docs.slack.dev/reference/block-kit), for an incoming webhook.

Slack takes 50 blocks, 150 characters in a header, 3000 in a text. Text from outside stands in `plain_text`, which has
no markup, or between code fences. `&`, `<` and `>` begin mentions and links wherever they stand: they are escaped
everywhere, as Slack asks (docs.slack.dev/messaging/formatting-message-text).
"""

from collections.abc import Iterator
from typing import Any, Final

import orjson

from sinks.chat.card import TITLE_ROOM, WHERE_ROOM, Card, Section
from sinks.chat.text import fitted

_SPECIAL: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Three backticks would end the code.
_IN_CODE: Final = {**_SPECIAL, "`": "\N{MODIFIER LETTER GRAVE ACCENT}"}
_FALLBACK_ROOM: Final = 400


def slack(card: Card) -> bytes:
    """
    The body of a request. `text` is what a notification shows.
    """
    title = f"{card.tone.mark} {fitted(card.title, TITLE_ROOM, _IN_CODE)}"
    return orjson.dumps(
        {
            "text": f"{title}: {fitted(_first_line(card), _FALLBACK_ROOM, _IN_CODE)}",
            "blocks": list(_blocks(card, title)),
            "unfurl_links": False,
            "unfurl_media": False,
        }
    )


def _blocks(card: Card, title: str) -> Iterator[dict[str, Any]]:
    yield {"type": "header", "text": _plain(title)}
    for section in card.sections:
        yield {"type": "section", "text": _code(section) if section.verbatim else _text(section)}
    yield {"type": "context", "elements": [_plain(fitted(card.where, WHERE_ROOM, _SPECIAL))]}


def _text(section: Section) -> dict[str, Any]:
    heading = [f"{section.heading}:"] if section.heading is not None else []
    return _plain("\n".join((*heading, *(fitted(line, section.room, _SPECIAL) for line in section.lines))))


def _code(section: Section) -> dict[str, Any]:
    heading = f"*{section.heading}*\n" if section.heading is not None else ""
    lines = "\n".join(fitted(line, section.room, _IN_CODE) for line in section.lines)
    return {"type": "mrkdwn", "text": f"{heading}```\n{lines}\n```", "verbatim": True}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _first_line(card: Card) -> str:
    return next((line for section in card.sections for line in section.lines), "")

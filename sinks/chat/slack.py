"""
A card as Block Kit (docs.slack.dev/reference/block-kit), for a Slack webhook.

Slack accepts 50 blocks, 150 characters in a header, and 3000 in a text. Text from outside goes into `plain_text`, which
has no markup, or between code fences. `&`, `<` and `>` can begin mentions and links anywhere, so they are always
escaped, as Slack asks (docs.slack.dev/messaging/formatting-message-text).
"""

from collections.abc import Iterator
from typing import Any, Final

import orjson

from sinks.chat.card import TITLE_ROOM, WHERE_ROOM, Card, Section
from sinks.chat.escaping import escape_and_cut

_SPECIAL: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Three backticks would end the code block.
_IN_CODE: Final = {**_SPECIAL, "`": "\N{MODIFIER LETTER GRAVE ACCENT}"}
_FALLBACK_ROOM: Final = 400


def slack(card: Card) -> bytes:
    """
    Build the request body. `text` is what the notification of a phone shows.
    """
    title = f"{card.tone.mark} {escape_and_cut(card.title, TITLE_ROOM, _IN_CODE)}"
    return orjson.dumps(
        {
            "text": f"{title}: {escape_and_cut(_first_line(card), _FALLBACK_ROOM, _IN_CODE)}",
            "blocks": list(_blocks(card, title)),
            "unfurl_links": False,
            "unfurl_media": False,
        }
    )


def _blocks(card: Card, title: str) -> Iterator[dict[str, Any]]:
    yield {"type": "header", "text": _plain(title)}
    for section in card.sections:
        yield {"type": "section", "text": _code(section) if section.verbatim else _text(section)}
    yield {"type": "context", "elements": [_plain(escape_and_cut(card.where, WHERE_ROOM, _SPECIAL))]}


def _text(section: Section) -> dict[str, Any]:
    heading = [f"{section.heading}:"] if section.heading is not None else []
    return _plain("\n".join((*heading, *(escape_and_cut(line, section.room, _SPECIAL) for line in section.lines))))


def _code(section: Section) -> dict[str, Any]:
    heading = f"*{section.heading}*\n" if section.heading is not None else ""
    lines = "\n".join(escape_and_cut(line, section.room, _IN_CODE) for line in section.lines)
    return {"type": "mrkdwn", "text": f"{heading}```\n{lines}\n```", "verbatim": True}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _first_line(card: Card) -> str:
    return next((line for section in card.sections for line in section.lines), "")

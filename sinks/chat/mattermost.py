"""
Mattermost's form of a card: Markdown, for an incoming webhook (developers.mattermost.com/integrate/webhooks/incoming).

Mattermost takes 16,383 characters; a card has fewer.
"""

import orjson

from sinks.chat.card import TITLE_ROOM, WHERE_ROOM, Card
from sinks.chat.markdown import ESCAPES, markdown
from sinks.chat.text import fitted


def mattermost(card: Card) -> bytes:
    """
    The body of a request.
    """
    title = f"**{card.tone.mark} {fitted(card.title, TITLE_ROOM, ESCAPES)}**"
    parts = [title, *map(markdown, card.sections), fitted(card.where, WHERE_ROOM, ESCAPES)]
    return orjson.dumps({"text": "\n\n".join(parts)})

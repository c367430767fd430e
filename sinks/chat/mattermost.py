"""
A card as Markdown, for a Mattermost webhook (developers.mattermost.com/integrate/webhooks/incoming).

Mattermost accepts 16,383 characters; a card has fewer.
"""

import orjson

from sinks.chat.card import TITLE_ROOM, WHERE_ROOM, Card
from sinks.chat.escaping import escape_and_cut
from sinks.chat.markdown import ESCAPES, markdown


def mattermost(card: Card) -> bytes:
    """
    Build the request body.
    """
    title = f"**{card.tone.mark} {escape_and_cut(card.title, TITLE_ROOM, ESCAPES)}**"
    parts = [title, *map(markdown, card.sections), escape_and_cut(card.where, WHERE_ROOM, ESCAPES)]
    return orjson.dumps({"text": "\n\n".join(parts)})

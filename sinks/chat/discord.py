"""
A card as a line and an embed, for a Discord webhook (docs.discord.com/developers/resources/webhook).

Discord accepts 2000 characters in the line, 4096 in the description of an embed, 2048 in its footer, and 6000 in total.
An empty `allowed_mentions` keeps text from mentioning anybody.
"""

from typing import Final

import orjson

from sinks.chat.card import TITLE_ROOM, WHERE_ROOM, Card
from sinks.chat.escaping import escape_and_cut
from sinks.chat.markdown import ESCAPES, markdown

# A footer has no markup, so nothing needs escaping.
_PLAIN: Final[dict[str, str]] = {}


def discord(card: Card) -> bytes:
    """
    Build the request body. The line is what the notification of a phone shows.
    """
    return orjson.dumps(
        {
            "content": f"{card.tone.mark} **{escape_and_cut(card.title, TITLE_ROOM, ESCAPES)}**",
            "embeds": [
                {
                    "color": card.tone.colour,
                    "description": "\n\n".join(map(markdown, card.sections)),
                    "footer": {"text": escape_and_cut(card.where, WHERE_ROOM, _PLAIN)},
                }
            ],
            "allowed_mentions": {"parse": []},
        }
    )

"""
Discord's form of a card: a line and an embed, for a webhook (docs.discord.com/developers/resources/webhook).

Discord takes 2000 characters in the line, 4096 in the description of an embed, 2048 in its footer, 6000 in all of it.
`allowed_mentions` keeps everything from being a mention.
"""

from typing import Final

import orjson

from sinks.chat.card import TITLE_ROOM, WHERE_ROOM, Card
from sinks.chat.markdown import ESCAPES, markdown
from sinks.chat.text import fitted

# A footer has no markup.
_PLAIN: Final[dict[str, str]] = {}


def discord(card: Card) -> bytes:
    """
    The body of a request. The line is what a notification shows.
    """
    return orjson.dumps(
        {
            "content": f"{card.tone.mark} **{fitted(card.title, TITLE_ROOM, ESCAPES)}**",
            "embeds": [
                {
                    "color": card.tone.colour,
                    "description": "\n\n".join(map(markdown, card.sections)),
                    "footer": {"text": fitted(card.where, WHERE_ROOM, _PLAIN)},
                }
            ],
            "allowed_mentions": {"parse": []},
        }
    )

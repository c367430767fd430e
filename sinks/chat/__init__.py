"""
Messages that people read: from events to the body of a request, by way of a card that knows no chat. Pure.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Final

from sinks.base import Outgoing
from sinks.chat.card import Card
from sinks.chat.discord import discord
from sinks.chat.mattermost import mattermost
from sinks.chat.slack import slack
from sinks.chat.story import card_of
from sinks.chat.teams import teams

__all__ = ["Template", "message_of"]


class Template(StrEnum):
    """
    Whose form a message has.
    """

    SLACK = "slack"
    MATTERMOST = "mattermost"
    DISCORD = "discord"
    TEAMS = "teams"


_FORMS: Final[Mapping[Template, Callable[[Card], bytes]]] = {
    Template.SLACK: slack,
    Template.MATTERMOST: mattermost,
    Template.DISCORD: discord,
    Template.TEAMS: teams,
}


def message_of(events: Sequence[Outgoing], template: Template) -> bytes:
    """
    One message, as JSON.

    Args:
        events: all that it tells; one at least.
        template: whose form it has.

    Raises:
        PermanentError: one of them is no event of ours.
    """
    return _FORMS[template](card_of(events))

"""
Notifications for chats: events become a card, and a card becomes the request body of one kind of chat. Pure.
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
    The chat whose format a message has.
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
    Build the request body of one message, as JSON.

    Args:
        events: the events of the message, one or more.
        template: the format of the message.

    Raises:
        PermanentError: one of the events cannot be read.
    """
    return _FORMS[template](card_of(events))

"""
One HTTP POST per notification, to Slack or a similar chat.

The sink sends each batch as one message. Delivery decides which events make a batch, and keeps to the pace of a chat
(one message a second): collector/delivery/notification_groups.py.
"""

from collections.abc import Sequence
from typing import ClassVar, Final

from sinks.base import Grouping, Outgoing
from sinks.chat import Template, message_of
from sinks.http import HttpClient, HttpConfig

_HEADERS: Final = {"content-type": "application/json; charset=utf-8"}


class SlackConfig(HttpConfig, frozen=True, kw_only=True):
    """
    A sink of the type `slack`.

    Attributes:
        template: the format of messages.
        grouping: how often people are notified.
    """

    for_people: ClassVar[bool] = True
    template: Template = Template.SLACK
    grouping: Grouping = Grouping()


class SlackSink:
    """
    Posts to one incoming webhook.

    Args:
        config: its configuration.
    """

    max_batch = 500

    def __init__(self, config: SlackConfig) -> None:
        self.name = config.name
        self._template = config.template
        self._client = HttpClient(config)

    async def open(self) -> None:
        """
        Read the files that the configuration names; nothing is sent.

        Raises:
            DisabledError: the configuration cannot be used.
        """
        await self._client.open()

    async def send(self, batch: Sequence[Outgoing]) -> None:
        """
        Post one message about all events of a batch.

        Raises:
            TransientError, PermanentError: the message was not accepted.
            DisabledError: the webhook is gone, redirects, or refuses the credentials.
        """
        if batch:
            await self._client.post(message_of(batch, self._template), _HEADERS)

    async def aclose(self) -> None:
        """
        Close the connections.
        """
        await self._client.aclose()

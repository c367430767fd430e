"""
One HTTP POST per message, to Slack or a chat like it; which events make one message, delivery has decided.

It sends what it is given as one message, and neither waits nor counts: the pace of a chat (one message a second) and
the digests are in collector/delivery/grouping.py.
"""

from collections.abc import Sequence
from typing import Final

from sinks.base import Grouping, Outgoing
from sinks.chat import Template, message_of
from sinks.http import HttpClient, HttpConfig

_HEADERS: Final = {"content-type": "application/json; charset=utf-8"}


class SlackConfig(HttpConfig, frozen=True, kw_only=True):
    """
    A sink of the type `slack`.

    Attributes:
        template: whose form messages have.
        grouping: how often a person is told.
    """

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
        Read what the configuration names; nothing is sent.

        Raises:
            DisabledError: it cannot be used.
        """
        await self._client.open()

    async def send(self, batch: Sequence[Outgoing]) -> None:
        """
        Post one message that tells all of a batch.

        Raises:
            TransientError, PermanentError: it was not taken.
            DisabledError: the webhook is gone, a redirect, or refused credentials.
        """
        if batch:
            await self._client.post(message_of(batch, self._template), _HEADERS)

    async def aclose(self) -> None:
        """
        Close the connections.
        """
        await self._client.aclose()

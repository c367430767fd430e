"""
One HTTP POST per event, as a structured CloudEvent; the receiver drops duplicates by `webhook-id`.

CloudEvents 1.0 HTTP binding (application/cloudevents+json) with the headers of Standard Webhooks.
"""

import time
from collections.abc import Sequence
from typing import Final

from sinks.base import Outgoing
from sinks.errors import PartialError, PermanentError, TransientError
from sinks.http import HttpClient, HttpConfig

_CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"


class WebhookConfig(HttpConfig, frozen=True, kw_only=True):
    """
    A sink of the type `webhook`.
    """


class WebhookSink:
    """
    Posts to one URL.

    Args:
        config: its configuration.
    """

    # One at a time: what an answer says is then true of all that was sent.
    max_batch = 1

    def __init__(self, config: WebhookConfig) -> None:
        self.name = config.name
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
        Post each event; after one that may succeed later, no further is tried.

        Raises:
            TransientError, PermanentError: the only event failed.
            PartialError: some of several failed.
            DisabledError: HTTP 410, a redirect, or refused credentials.
        """
        failures: dict[str, TransientError | PermanentError] = {}
        stopped: TransientError | None = None
        for event in batch:
            try:
                if stopped is None:
                    await self._post(event)
                else:
                    failures[event.id] = stopped
            except PermanentError as error:
                failures[event.id] = error
            except TransientError as error:
                failures[event.id] = stopped = error
        if failures and len(batch) == 1:
            raise failures[batch[0].id]
        if failures:
            raise PartialError(failures)

    async def aclose(self) -> None:
        """
        Close the connections.
        """
        await self._client.aclose()

    async def _post(self, event: Outgoing) -> None:
        headers = {"content-type": _CONTENT_TYPE, "webhook-id": event.id, "webhook-timestamp": str(int(time.time()))}
        await self._client.post(event.body, headers)

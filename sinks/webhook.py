"""
One HTTP POST per event, as a structured CloudEvent; the receiver drops duplicates by `webhook-id`.

CloudEvents 1.0 HTTP binding (application/cloudevents+json) with the headers of Standard Webhooks 1.0.0. Signed is
the event's JSON, before it is compressed: what a receiver verifies is what it has after Content-Encoding is undone.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Final

from msgspec import Meta

from sinks.base import Outgoing
from sinks.http import HttpClient, HttpConfig
from sinks.lanes import send_in_lanes
from sinks.signing import Signer, read_signer

_CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"


class WebhookConfig(HttpConfig, frozen=True, kw_only=True):
    """
    A sink of the type `webhook`.

    Attributes:
        signing_secrets_files: each holds a secret (`whsec_…`) that signs; several while they are changed.
        in_flight: how many requests may be under way at once; those of one container never are.
    """

    signing_secrets_files: Annotated[tuple[str, ...], Meta(max_length=8)] = ()
    in_flight: Annotated[int, Meta(ge=1, le=64)] = 16


class WebhookSink:
    """
    Posts to one URL.

    Args:
        config: its configuration.
        now_s: the wall clock, seconds since 1970.
    """

    max_batch = 256

    def __init__(self, config: WebhookConfig, now_s: Callable[[], float] = time.time) -> None:
        self.name = config.name
        self._config = config
        self._now_s = now_s
        self._client = HttpClient(config, connections=config.in_flight)
        self._signer: Signer | None = None

    async def open(self) -> None:
        """
        Read what the configuration names; nothing is sent.

        Raises:
            DisabledError: it cannot be used.
        """
        await self._client.open()
        self._signer = await asyncio.to_thread(read_signer, "signing_secrets_files", self._config.signing_secrets_files)

    async def send(self, batch: Sequence[Outgoing]) -> None:
        """
        Post each event, those of one key in order; none is begun after one that may succeed later.

        Raises:
            TransientError, PermanentError: nothing of the batch was taken.
            PartialError: some of several failed.
            DisabledError: HTTP 410, a redirect, or refused credentials.
        """
        await send_in_lanes(batch, self._post, in_flight=self._config.in_flight, begin_s=self._config.timeout_s)

    async def aclose(self) -> None:
        """
        Close the connections.
        """
        await self._client.aclose()

    async def _post(self, event: Outgoing) -> None:
        timestamp_s = int(self._now_s())
        headers = {"content-type": _CONTENT_TYPE, "webhook-id": event.id, "webhook-timestamp": str(timestamp_s)}
        if self._signer is not None:
            headers["webhook-signature"] = self._signer.signature(event.id, timestamp_s, event.body)
        await self._client.post(event.body, headers)

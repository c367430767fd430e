"""
One HTTP POST per event; receivers drop duplicates by `webhook-id`.

The body is a structured CloudEvent (CloudEvents 1.0 HTTP binding), or plain JSON in another format. The headers are
those of Standard Webhooks 1.0.0. The signature covers the uncompressed JSON, so a receiver verifies the body after it
has undone Content-Encoding.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

from msgspec import Meta

from sinks.base import Outgoing
from sinks.formats import Format, rendered
from sinks.http import HttpClient, HttpConfig
from sinks.lanes import send_in_lanes
from sinks.signing import Signer, read_signer

_CONTENT_TYPES: Final[Mapping[Format, str]] = {
    Format.CLOUDEVENTS: "application/cloudevents+json; charset=utf-8",
    Format.ECS: "application/json; charset=utf-8",
    Format.OCSF: "application/json; charset=utf-8",
}


class WebhookConfig(HttpConfig, frozen=True, kw_only=True):
    """
    A sink of the type `webhook`.

    Attributes:
        format: the form of an event.
        signing_secrets_files: files with a signing secret (`whsec_…`) each; several while a secret is replaced.
        in_flight: the most concurrent requests; events of one container are never sent concurrently.
    """

    format: Format = Format.CLOUDEVENTS
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
        Read the files that the configuration names; nothing is sent.

        Raises:
            DisabledError: the configuration cannot be used.
        """
        await self._client.open()
        self._signer = await asyncio.to_thread(read_signer, "signing_secrets_files", self._config.signing_secrets_files)

    async def send(self, batch: Sequence[Outgoing]) -> None:
        """
        Post each event, those of one key in order; stop after a failure that may succeed later.

        Raises:
            TransientError, PermanentError: no event of the batch was accepted.
            PartialError: some events failed.
            DisabledError: the URL is gone, redirects, or refuses the credentials.
        """
        await send_in_lanes(batch, self._post, in_flight=self._config.in_flight, begin_s=self._config.timeout_s)

    async def aclose(self) -> None:
        """
        Close the connections.
        """
        await self._client.aclose()

    async def _post(self, event: Outgoing) -> None:
        timestamp_s, form = int(self._now_s()), self._config.format
        body = rendered(event, form, datetime.fromtimestamp(timestamp_s, UTC))
        headers = {"content-type": _CONTENT_TYPES[form], "webhook-id": event.id, "webhook-timestamp": str(timestamp_s)}
        if self._signer is not None:
            headers["webhook-signature"] = self._signer.signature(event.id, timestamp_s, body)
        await self._client.post(body, headers)

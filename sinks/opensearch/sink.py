"""
The sink: bulk requests, one after the other.

Both engines are at least once: an event whose answer was lost is sent again, and its id finds the first document. In a
data stream an id is known only to the newest backing index, so that an event which is repeated across a rollover is a
second document with the same `event.id`.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from sinks.base import Outgoing
from sinks.batches import Outcomes, Part, in_requests, send_requests
from sinks.errors import DisabledError, Reason, SinkError
from sinks.http import HttpClient
from sinks.http.answers import error_for_status
from sinks.opensearch.answers import outcomes_of
from sinks.opensearch.config import OpenSearchConfig, authorization
from sinks.opensearch.documents import actions
from sinks.outcome import raise_for
from sinks.secret import Secret

_PATH: Final = "_bulk"
_CONTENT_TYPE: Final = "application/x-ndjson"
# Only what decides: by default each item repeats index, id, shards and sequence number.
_QUERY: Final = {"filter_path": "items.*.status,items.*.error.type,items.*.error.reason,items.*.error.caused_by.reason"}
# A thousand items with their reasons.
_ANSWER_BYTES: Final = 4_194_304


class OpenSearchSink:
    """
    Indexes events.

    Args:
        config: its configuration.
        now: the wall clock, in UTC.
    """

    max_batch = 512

    def __init__(self, config: OpenSearchConfig, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.name = config.name
        self._config = config
        self._now = now
        self._client = HttpClient(config, answer_bytes=_ANSWER_BYTES)
        self._authorization: Secret | None = None

    async def open(self) -> None:
        """
        Read the files that the configuration names; nothing is sent.

        Raises:
            DisabledError: the configuration cannot be used.
        """
        await self._client.open()
        self._authorization = await asyncio.to_thread(authorization, self._config)

    async def send(self, batch: Sequence[Outgoing]) -> None:
        """
        Index events, in requests of at most `max_bytes`; stop after a request that may succeed later.

        Raises:
            TransientError, PermanentError: no event of the batch was accepted.
            PartialError: some events failed.
            DisabledError: the engine refuses the credentials, or has no such index and may not create it.
        """
        lines = actions(batch, self._config.index, self._config.format, self._now)
        requests = in_requests(batch, lines, self._config.max_bytes)
        outcomes, stop = await send_requests(requests, self._send, self._config.timeout_s)
        raise_for(batch, outcomes, stop)

    async def aclose(self) -> None:
        """
        Close the connections.
        """
        await self._client.aclose()

    async def _send(self, parts: Sequence[Part]) -> Outcomes:
        headers = {"content-type": _CONTENT_TYPE}
        if self._authorization is not None:
            headers["authorization"] = self._authorization.reveal()
        body = b"".join(part.body for part in parts)
        answer = await self._client.exchange("POST", body, headers, path=_PATH, query=_QUERY)
        failure = error_for_status(answer.status, answer.retry_after, self._client.host)
        if failure is not None:
            raise _for_all(failure)
        found = outcomes_of(answer.body, len(parts), self._client.host)
        return {part.event.id: failure for part, failure in zip(parts, found, strict=True)}


def _for_all(failure: SinkError) -> SinkError:
    """
    Return what the failure of a whole request means. Both engines judge events one by one, so that nothing is wrong
    with the events if the request is refused.
    """
    if failure.reason is Reason.REJECTED:
        return DisabledError(Reason.UNUSABLE, f"{failure.detail}: this URL has no bulk API")
    return failure

"""
The sink: one export request after the other, by the rules of OTLP 1.x for HTTP.

An answer of 2xx may still say how many records were refused, not which. Then the events are sent one by one, so that
each refused one becomes a dead letter; those that had been accepted may arrive twice, with the same `log.record.uid`.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Annotated, Final

from google.protobuf.message import DecodeError
from msgspec import Meta
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsPartialSuccess, ExportLogsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope

from sinks.base import Outgoing
from sinks.batches import Outcomes, Part, send_requests
from sinks.errors import PermanentError, Reason, TransientError
from sinks.http import HttpClient, HttpConfig, error_for_status
from sinks.otlp.records import request_of
from sinks.outcome import raise_for

_PATH: Final = "v1/logs"
_CONTENT_TYPE: Final = "application/x-protobuf"
_LONGEST_REASON: Final = 500


class OtlpConfig(HttpConfig, frozen=True, kw_only=True):
    """
    A sink of the type `otlp`: the URL is the endpoint, to which `/v1/logs` is added.

    Attributes:
        batch: the most events of one request.
    """

    batch: Annotated[int, Meta(ge=1, le=4096)] = 256


class OtlpSink:
    """
    Exports log records.

    Args:
        config: its configuration.
        now_ns: the wall clock, nanoseconds since 1970.
    """

    max_batch = 256

    def __init__(self, config: OtlpConfig, now_ns: Callable[[], int] = time.time_ns) -> None:
        self.name = config.name
        self.max_batch = config.batch
        self._timeout_s = config.timeout_s
        self._now_ns = now_ns
        self._client = HttpClient(config)
        self._scope = InstrumentationScope(name="exit137", version=version("exit137"))

    async def open(self) -> None:
        """
        Read the files that the configuration names; nothing is sent.

        Raises:
            DisabledError: the configuration cannot be used.
        """
        await self._client.open()

    async def send(self, batch: Sequence[Outgoing]) -> None:
        """
        Export a batch; stop after a request that may succeed later.

        Raises:
            TransientError, PermanentError: no event of the batch was accepted.
            PartialError: some events failed.
            DisabledError: there is no such endpoint, or it refuses the credentials.
        """
        parts = [Part(event, event.body) for event in batch]
        requests = (parts[start : start + self.max_batch] for start in range(0, len(parts), self.max_batch))
        outcomes, stop = await send_requests(requests, self._send, self._timeout_s)
        raise_for(batch, outcomes, stop)

    async def aclose(self) -> None:
        """
        Close the connections.
        """
        await self._client.aclose()

    async def _send(self, parts: Sequence[Part]) -> Outcomes | None:
        """
        Send one request; return None if some of its events were refused, since the answer does not say which.
        """
        events = [part.event for part in parts]
        partial = await self._export(events)
        if partial is not None and partial.rejected_log_records < len(events):
            return None
        failure = self._refusal(partial) if partial is not None else None
        return dict.fromkeys((event.id for event in events), failure)

    async def _export(self, events: Sequence[Outgoing]) -> ExportLogsPartialSuccess | None:
        """
        Send one request; return what the endpoint says of records that it refused, None if it took all.

        Raises:
            SinkError: the endpoint did not accept the request.
        """
        body = await asyncio.to_thread(request_of, events, self._scope, self._now_ns())
        answer = await self._client.exchange("POST", body, {"content-type": _CONTENT_TYPE}, path=_PATH)
        failure = error_for_status(answer.status, answer.retry_after, self._client.host)
        if failure is not None:
            raise failure
        try:
            partial = ExportLogsServiceResponse.FromString(answer.body).partial_success
        except DecodeError:
            detail = f"{self._client.host}: the answer is not that of OTLP"
            raise TransientError(Reason.SERVER_ERROR, detail) from None
        return partial if partial.rejected_log_records > 0 else None

    def _refusal(self, partial: ExportLogsPartialSuccess) -> PermanentError:
        words = partial.error_message.replace("\n", " ")[:_LONGEST_REASON] or "no reason given"
        return PermanentError(Reason.REJECTED, f"{self._client.host} refused the record: {words}")

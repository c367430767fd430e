"""
The sink: requests with many events, and the question whether the indexer has them.

With indexer acknowledgement, 200 only means that the collector has received a request; it may still lose it. The sink
remembers for each event which request carried it, and asks about it before it sends the event again. Splunk drops no
duplicates, so that an event which is sent twice is found twice, with the same `event.id`.
"""

import asyncio
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, Any, Final

import orjson
from msgspec import Meta

from sinks.base import Outgoing
from sinks.batches import Outcomes, Part, Stop, in_requests, send_requests
from sinks.errors import DisabledError, PermanentError, Reason, TransientError
from sinks.event.reader import time_ns
from sinks.formats import ecs_document, envelope_of
from sinks.http import HttpClient, HttpConfig
from sinks.outcome import raise_for
from sinks.secret import Secret, read_secret
from sinks.splunk_hec.answers import InvalidEventError, ack_id_of, acknowledged

_EVENTS: Final = "services/collector/event"
_ACKS: Final = "services/collector/ack"
_POLL_S: Final = 0.5
_NS_PER_S: Final = 1_000_000_000
# A request whose acknowledgement has not come after this long is lost.
_LOST_AFTER_S: Final = 300.0


class SplunkConfig(HttpConfig, frozen=True, kw_only=True):
    """
    A sink of the type `splunk_hec`: the URL is the collector's, such as `https://splunk.example:8088`.

    Attributes:
        token_file: a file with the token.
        index: where the events are stored; None leaves that to the token.
        sourcetype: as Splunk's settings know it.
        acknowledge: wait for the indexer; the token must have indexer acknowledgement enabled.
        ack_timeout_s: how long one attempt waits for it.
        max_bytes: of one request; a larger event is sent alone.
    """

    token_file: str
    index: str | None = None
    sourcetype: str = "_json"
    acknowledge: bool = True
    ack_timeout_s: Annotated[float, Meta(gt=0, le=25)] = 20
    max_bytes: Annotated[int, Meta(ge=10_000, le=50_000_000)] = 1_000_000


class SplunkSink:
    """
    Sends to one collector.

    Args:
        config: its configuration.
        now_s: a clock that only moves forward.
    """

    max_batch = 512

    def __init__(self, config: SplunkConfig, now_s: Callable[[], float] = time.monotonic) -> None:
        self.name = config.name
        self._config = config
        self._now_s = now_s
        self._client = HttpClient(config)
        self._token = Secret("")
        # The collector numbers the requests of each channel.
        self._channel = ""
        # By event: the request that carried it, and when; only events that are not delivered yet.
        self._carried: dict[str, tuple[int, float]] = {}

    async def open(self) -> None:
        """
        Read the files that the configuration names; nothing is sent.

        Raises:
            DisabledError: the configuration cannot be used.
        """
        await self._client.open()
        self._token = await asyncio.to_thread(read_secret, "token_file", self._config.token_file)
        self._channel, self._carried = str(uuid.uuid4()), {}

    async def send(self, batch: Sequence[Outgoing]) -> None:
        """
        Send what no request carries yet, then wait until the indexer has all of the batch.

        Raises:
            TransientError, PermanentError: no event of the batch was accepted.
            PartialError: some events failed.
            DisabledError: the token, the index or the URL does not work.
        """
        now_s = self._now_s()
        self._carried = {name: sent for name, sent in self._carried.items() if now_s - sent[1] < _LOST_AFTER_S}
        new = [event for event in batch if event.id not in self._carried]
        requests = in_requests(new, _bodies(new, self._config), self._config.max_bytes)
        outcomes, stop = await send_requests(requests, self._send, self._config.timeout_s)
        unknown = await self._confirm({event.id for event in batch} & self._carried.keys(), outcomes)
        raise_for(batch, outcomes, stop or unknown)

    async def aclose(self) -> None:
        """
        Close the connections.
        """
        await self._client.aclose()

    async def _send(self, parts: Sequence[Part]) -> Outcomes:
        """
        Send one request, again without each event that the collector names as invalid.
        """
        outcomes: Outcomes = {}
        rest = list(parts)
        while rest:
            try:
                ack_id = await self._post(b"".join(part.body for part in rest))
            except InvalidEventError as error:
                number = error.number
                if number is None or number not in range(len(rest)):
                    raise
                outcomes[rest.pop(number).event.id] = error
            else:
                return outcomes | self._accept([part.event for part in rest], ack_id)
        return outcomes

    def _accept(self, events: Sequence[Outgoing], ack_id: int | None) -> Outcomes:
        """
        Remember which request carries the events; without acknowledgement they are delivered.
        """
        if self._config.acknowledge and ack_id is not None:
            sent = (ack_id, self._now_s())
            self._carried |= dict.fromkeys((event.id for event in events), sent)
            return {}
        return dict.fromkeys((event.id for event in events), None)

    async def _post(self, body: bytes) -> int | None:
        answer = await self._client.exchange("POST", body, self._headers(), path=_EVENTS)
        ack_id = ack_id_of(answer, self._client.host)
        if ack_id is None and self._config.acknowledge:
            detail = "the token has no indexer acknowledgement: enable it, or set acknowledge = false"
            raise DisabledError(Reason.UNUSABLE, detail)
        return ack_id

    async def _confirm(self, ids: set[str], outcomes: Outcomes) -> Stop | None:
        """
        Ask until the indexer has these events; return why that is not known of some of them.
        """
        end_s = self._now_s() + self._config.ack_timeout_s
        while ids:
            try:
                indexed = await self._ask({self._carried[event_id][0] for event_id in ids})
            except (TransientError, DisabledError) as error:
                return error
            except PermanentError as error:
                return DisabledError(Reason.UNUSABLE, error.detail)
            done = {event_id for event_id in ids if self._carried[event_id][0] in indexed}
            for event_id in done:
                outcomes[event_id] = None
                del self._carried[event_id]
            ids -= done
            if ids and self._now_s() >= end_s:
                return TransientError(
                    Reason.TIMEOUT, f"{self._client.host} has received events that are not indexed yet"
                )
            if ids:
                await asyncio.sleep(_POLL_S)
        return None

    async def _ask(self, ack_ids: set[int]) -> set[int]:
        body = orjson.dumps({"acks": sorted(ack_ids)})
        answer = await self._client.exchange(
            "POST", body, self._headers(), path=_ACKS, query={"channel": self._channel}
        )
        return acknowledged(answer, self._client.host)

    def _headers(self) -> dict[str, str]:
        return {
            "authorization": f"Splunk {self._token.reveal()}",
            "x-splunk-request-channel": self._channel,
            "content-type": "application/json",
        }


def _bodies(events: Iterable[Outgoing], config: SplunkConfig) -> Iterator[bytes]:
    """
    Yield each event as an ECS document in the collector's envelope.
    """
    for event in events:
        document = ecs_document(event.id, envelope_of(event))
        envelope: dict[str, Any] = {"source": "exit137", "sourcetype": config.sourcetype, "event": document}
        at_ns = time_ns(document.get("@timestamp"))
        if at_ns is not None:
            envelope["time"] = at_ns / _NS_PER_S
        if host := document.get("host", {}).get("hostname"):
            envelope["host"] = host
        if config.index is not None:
            envelope["index"] = config.index
        yield orjson.dumps(envelope)

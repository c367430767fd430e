"""
Produces to one topic. A producer that failed is thrown away, and the next `send` creates a new one.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from sinks.base import Outgoing
from sinks.errors import DisabledError, Reason, TransientError
from sinks.kafka.access import Access, access
from sinks.kafka.bounded import bound_frames
from sinks.kafka.cluster import Topic, create_topic, find_topic
from sinks.kafka.config import KafkaConfig, SaslMechanism
from sinks.kafka.failures import CONNECTING, failure
from sinks.kafka.producer import Producer
from sinks.kafka.records import record
from sinks.kafka.shipment import Shipment
from sinks.outcome import raise_for

# Larger batches are hardly faster, and they are compressed on the event loop, which blocks it.
_BATCH_BYTES: Final = 262_144
# These mechanisms send the secret itself, which anybody on the network can read without TLS.
_SEND_SECRET: Final = (SaslMechanism.PLAIN, SaslMechanism.OAUTHBEARER)
_LOG: Final = logging.getLogger(__name__)


class KafkaSink:
    """
    Writes to one topic.

    Args:
        config: its configuration.
        now: the wall clock, in UTC.
    """

    max_batch = 500

    def __init__(self, config: KafkaConfig, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.name = config.name
        self._config = config
        self._now = now
        self._batch_bytes = min(_BATCH_BYTES, config.max_request_bytes)
        self._access: Access | None = None
        self._producer: Producer | None = None
        self._warned = False

    async def open(self) -> None:
        """
        Read the files that the configuration names, look up the topic, and connect.

        Raises:
            TransientError: no broker responds in time.
            DisabledError: the topic does not exist, the brokers refuse access, or the configuration cannot be used.
        """
        await self.aclose()
        # Its errors are raised anyway. At DEBUG it logs passwords, and during an outage it logs every retry.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        bound_frames()
        self._access = await asyncio.to_thread(access, self._config)
        self._batch_bytes = min(_BATCH_BYTES, self._config.max_request_bytes)
        try:
            async with asyncio.timeout(self._config.timeout_s):
                self._warn(await self._topic(self._access))
                self._producer = await self._start(self._access)
        except TimeoutError:
            raise TransientError(Reason.TIMEOUT, f"no broker was ready within {self._config.timeout_s:g} s") from None

    async def send(self, batch: Sequence[Outgoing]) -> None:
        """
        Write a batch; return when all in-sync replicas have it.

        Raises:
            TransientError, PermanentError, DisabledError: no event of the batch counts as written.
            PartialError: the events that it does not name were written.
        """
        if self._access is None:
            raise TransientError(Reason.UNREACHABLE, "the sink is not open")
        now = self._now()
        records = [record(event, self._config.format, self._config.mode, now) for event in batch]
        shipment = Shipment(records, max_bytes=self._config.max_request_bytes, batch_bytes=self._batch_bytes)
        try:
            async with asyncio.timeout(self._config.timeout_s):
                while shipment.waiting and shipment.stop is None:
                    await self._advance(shipment, self._access)
        except TimeoutError:
            shipment.stop = TransientError(
                Reason.TIMEOUT, f"the batch was not written within {self._config.timeout_s:g} s"
            )
        except (TransientError, DisabledError) as error:
            shipment.stop = error
        finally:
            # An abandoned producer would still write its batches at some later time.
            await self._drop_spent()
        self._batch_bytes = shipment.batch_bytes
        raise_for(batch, shipment.outcomes, shipment.stop)

    async def aclose(self) -> None:
        """
        Close the connections; nothing is pending, because `send` waits for the brokers.
        """
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.aclose()

    async def _advance(self, shipment: Shipment, to: Access) -> None:
        await self._drop_spent()
        if self._producer is None:
            self._producer = await self._start(to)
        await shipment.advance(self._producer)

    async def _drop_spent(self) -> None:
        if self._producer is not None and self._producer.spent:
            await self.aclose()

    async def _topic(self, to: Access) -> Topic:
        topic = await find_topic(self._config, to)
        if topic is not None:
            return topic
        if self._config.create_topic:
            return await create_topic(self._config, to)
        detail = f"the topic {self._config.topic} does not exist; set create_topic = true to create it"
        raise DisabledError(Reason.NO_SUCH_TARGET, detail)

    async def _start(self, to: Access) -> Producer:
        producer = Producer(self._config, to)
        try:
            await producer.start()
        except CONNECTING as error:
            raise failure(error) from None
        finally:
            if producer.spent:
                await producer.aclose()
        return producer

    def _warn(self, topic: Topic) -> None:
        """
        Warn once about risks that the configuration accepts.
        """
        if self._warned:
            return
        self._warned = True
        if topic.replication == 1:
            _LOG.warning(
                "sink %s: topic %s has replication 1: each event is on one broker only", self.name, self._config.topic
            )
        if self._config.sasl_mechanism in _SEND_SECRET and not self._config.uses_tls:
            _LOG.warning("sink %s: the password or token is sent without TLS", self.name)

"""
Produces to one topic. A producer that failed is thrown away, and the next `send` makes a new one.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from sinks.base import Outgoing
from sinks.errors import DisabledError, Reason, TransientError
from sinks.kafka.access import Access, access
from sinks.kafka.cluster import Topic, create_topic, find_topic
from sinks.kafka.config import KafkaConfig, SaslMechanism
from sinks.kafka.failures import CONNECTING, failure
from sinks.kafka.producer import Producer
from sinks.kafka.records import record
from sinks.kafka.shipment import Shipment
from sinks.lanes import judge

# Larger ones are hardly faster, and are compressed on the loop: all else waits as long.
_BATCH_BYTES: Final = 262_144
# The mechanisms that show the broker, and whoever listens, the secret itself.
_SAY_ALL: Final = (SaslMechanism.PLAIN, SaslMechanism.OAUTHBEARER)
_LOG: Final = logging.getLogger(__name__)


class KafkaSink:
    """
    Writes to one topic.

    Args:
        config: its configuration.
    """

    max_batch = 500

    def __init__(self, config: KafkaConfig) -> None:
        self.name = config.name
        self._config = config
        self._batch_bytes = min(_BATCH_BYTES, config.max_request_bytes)
        self._access: Access | None = None
        self._producer: Producer | None = None
        self._warned = False

    async def open(self) -> None:
        """
        Read what the configuration names, look for the topic, connect.

        Raises:
            TransientError: no broker answers in time.
            DisabledError: the topic is not there, the brokers refuse us, or the configuration cannot be used.
        """
        await self.aclose()
        # What it has to say comes to us as errors. At DEBUG it tells passwords, and in an outage each of its retries.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        self._access = await asyncio.to_thread(access, self._config)
        self._batch_bytes = min(_BATCH_BYTES, self._config.max_request_bytes)
        try:
            async with asyncio.timeout(self._config.timeout_s):
                self._warn(await self._topic(self._access))
                self._producer = await self._start(self._access)
        except TimeoutError:
            raise TransientError(Reason.TIMEOUT, f"no broker was ready in {self._config.timeout_s:g} s") from None

    async def send(self, batch: Sequence[Outgoing]) -> None:
        """
        Write a batch; returns when all replicas in sync have it.

        Raises:
            TransientError, PermanentError, DisabledError: nothing of the batch can be taken as written.
            PartialError: those not named in it were written.
        """
        if self._access is None:
            raise TransientError(Reason.UNREACHABLE, "the sink is not open")
        records = [record(event, self._config.mode) for event in batch]
        shipment = Shipment(records, max_bytes=self._config.max_request_bytes, batch_bytes=self._batch_bytes)
        try:
            async with asyncio.timeout(self._config.timeout_s):
                while shipment.waiting and shipment.stop is None:
                    await self._advance(shipment, self._access)
        except TimeoutError:
            shipment.stop = TransientError(Reason.TIMEOUT, f"not all was written in {self._config.timeout_s:g} s")
        except (TransientError, DisabledError) as error:
            shipment.stop = error
        finally:
            # What was given up would else still be written, some time.
            await self._drop_spent()
        self._batch_bytes = shipment.batch_bytes
        judge(batch, shipment.outcomes, shipment.stop)

    async def aclose(self) -> None:
        """
        Close the connections; nothing is waited for, since `send` has waited.
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
        words = f"the topic {self._config.topic} is not there; create_topic = true makes it"
        raise DisabledError(Reason.NO_SUCH_TARGET, words)

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
        Say once what the configuration does not protect from.
        """
        if self._warned:
            return
        self._warned = True
        if topic.replication == 1:
            words = "sink %s: each event is on one broker only: the topic %s has replication 1"
            _LOG.warning(words, self.name, self._config.topic)
        if self._config.sasl_mechanism in _SAY_ALL and not self._config.speaks_tls:
            _LOG.warning("sink %s: the password or token is sent without TLS", self.name)

"""
A consumer of a Kafka topic in a thread, for benchmarks of latency.
"""

import asyncio
import json
import threading
import time
from collections.abc import Mapping
from typing import Final, Self

from aiokafka import AIOKafkaConsumer

_POLL_MS: Final = 500


class KafkaArrivals:
    """
    Consumes a topic from its end.

    Args:
        server: the broker.
        topic: the topic.

    Attributes:
        arrived_s: when the kill of each pid arrived, CLOCK_MONOTONIC.
    """

    def __init__(self, server: str, topic: str) -> None:
        self.arrived_s: dict[int, float] = {}
        self._server = server
        self._topic = topic
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._consume()))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    async def _consume(self) -> None:
        async with AIOKafkaConsumer(self._topic, bootstrap_servers=self._server) as consumer:
            while not self._stop.is_set():
                for records in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
                    for record in records:
                        self._note(dict(record.headers), record.value or b"")

    def _note(self, headers: Mapping[str, bytes], data: bytes) -> None:
        """
        Note a kill; the type of an event is in its headers (CloudEvents' binary mode).
        """
        if headers.get("ce_type") == b"exit137.oom_kill":
            self.arrived_s.setdefault(json.loads(data)["process"]["pid"], time.monotonic())

"""
From a real store through the real delivery to receivers of SIEMs that fail at random: each event arrives.
"""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

from collector.delivery import Courier
from collector.metrics import Metrics
from collector.store import Store
from sinks import load
from sinks.base import SinkConfig
from sinks.opensearch import OpenSearchConfig
from sinks.otlp import OtlpConfig
from sinks.secret import Secret
from sinks.splunk_hec import SplunkConfig
from tests.contract.test_webhook_delivery import WaitedClock
from tests.shared.delivering import stored
from tests.shared.numbered import events
from tests.unit.sinks.opensearch.engine import engine
from tests.unit.sinks.otlp.endpoint import endpoint
from tests.unit.sinks.splunk_hec.collector import TOKEN, collector

EVENTS = 300
FAULTS = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """
    A sink's configuration, the ids that have arrived, and whether an id may arrive twice.
    """

    config: SinkConfig
    arrived: Callable[[], list[str]]
    repeats: bool = False


def url_of(port: int) -> Secret:
    return Secret(f"http://127.0.0.1:{port}/")


@asynccontextmanager
async def opensearch(rng: random.Random, _: Path) -> AsyncIterator[Place]:
    async with engine() as found:
        found.refusal = lambda _action, _document: {"status": 429} if rng.random() < FAULTS else None
        config = OpenSearchConfig(name="bus", type="opensearch", url=url_of(found.port), index="i")
        yield Place(config=config, arrived=lambda: list(found.indices["i"]))


@asynccontextmanager
async def otlp(rng: random.Random, _: Path) -> AsyncIterator[Place]:
    async with endpoint() as found:
        accepted: list[str] = []

        def answer(ids: list[str]) -> tuple[int, ExportLogsServiceResponse]:
            if rng.random() < FAULTS:
                return 503, ExportLogsServiceResponse()
            accepted.extend(ids)
            return 200, ExportLogsServiceResponse()

        found.answer = answer
        yield Place(
            config=OtlpConfig(name="bus", type="otlp", url=url_of(found.port), batch=20), arrived=lambda: accepted
        )


@asynccontextmanager
async def splunk(rng: random.Random, folder: Path) -> AsyncIterator[Place]:
    (folder / "token").write_text(TOKEN)
    async with collector() as found:
        # Of the requests, some are received and never indexed.
        found.lost = {number for number in range(100) if rng.random() < FAULTS}
        config = SplunkConfig(
            name="bus",
            type="splunk_hec",
            url=url_of(found.port),
            token_file=str(folder / "token"),
            max_bytes=10_000,
            ack_timeout_s=0.01,
        )
        yield Place(config=config, arrived=lambda: found.indexed)


@pytest.mark.parametrize("place", [opensearch, otlp, splunk])
async def test_through_all_faults_each_event_arrives(
    tmp_path: Path, place: Callable[[random.Random, Path], AsyncIterator[Place]]
) -> None:
    """
    Nothing is lost, and what was accepted is not sent again.
    """
    store = await Store.open(tmp_path / "s.db")
    await store.commit([stored(event) for event in events(range(EVENTS))], {})
    async with place(random.Random(137), tmp_path) as there:  # type: ignore[attr-defined] # noqa: S311 (not a secret)
        clock = WaitedClock()
        sink = load(there.config.type)[1](there.config)
        if place is splunk:
            # Time passes with each look at the clock, and with the waits of delivery.
            ticks = itertools.count()
            sink._now_s = lambda: clock.now_s() + next(ticks) / 100
        courier = Courier(there.config, sink, store=store, metrics=Metrics(sinks=["bus"]), clock=clock)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(courier.run())
            assert await courier.drain(40)
            task.cancel()
        arrived = Counter(there.arrived())
    assert store.depth("bus") == 0
    await store.aclose()
    assert sorted(arrived) == [event.id for event in events(range(EVENTS))]
    assert set(arrived.values()) == {1}

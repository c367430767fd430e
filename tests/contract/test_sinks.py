"""
What every sink owes delivery, with real destinations: a pipe, a file, an HTTP server, librdkafka's brokers.
"""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from sinks.base import Outgoing, Sink
from sinks.errors import DisabledError, TransientError
from sinks.file import FileConfig, FileSink
from sinks.kafka import KafkaConfig, KafkaSink
from sinks.secret import Secret
from sinks.stdout import StdoutConfig, StdoutSink
from sinks.webhook import WebhookConfig, WebhookSink
from tests.kafka.reader import read
from tests.unit.sinks.kafka.mock import cluster

CLOSED_PORT = "127.0.0.1:1"
KINDS = ["stdout", "file", "webhook", "kafka"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """
    A sink, one like it that leads nowhere, and the ids that have arrived.
    """

    sink: Sink
    unreachable: Sink
    arrived: Callable[[int], Awaitable[list[str]]]


def event(number: int, text: str = "x") -> Outgoing:
    body = {"specversion": "1.0", "id": f"e{number}", "type": "exit137.oom_kill", "data": {"message": text}}
    return Outgoing(id=f"e{number}", type="exit137.oom_kill", key="k", body=orjson.dumps(body))


@asynccontextmanager
async def stdout_place() -> AsyncIterator[Place]:
    read, write = os.pipe()
    chunks: list[bytes] = []
    reader = threading.Thread(target=lambda: chunks.extend(iter(lambda: os.read(read, 65_536), b"")))
    reader.start()

    async def arrived(_: int) -> list[str]:
        os.close(write)
        await asyncio.to_thread(reader.join)
        return [orjson.loads(line)["id"] for line in b"".join(chunks).splitlines()]

    closed, gone = os.pipe()
    os.close(closed)
    config = StdoutConfig(name="s", type="stdout")
    try:
        yield Place(sink=StdoutSink(config, write), unreachable=StdoutSink(config, gone), arrived=arrived)
    finally:
        os.close(gone)
        if reader.is_alive():
            os.close(write)
            reader.join()
        os.close(read)


@asynccontextmanager
async def file_place(directory: Path) -> AsyncIterator[Place]:
    path = directory / "new" / "events.jsonl"

    async def arrived(_: int) -> list[str]:
        return [orjson.loads(line)["id"] for line in path.read_bytes().splitlines()]

    yield Place(
        sink=FileSink(FileConfig(name="f", type="file", path=str(path))),
        unreachable=FileSink(FileConfig(name="f", type="file", path=str(directory))),
        arrived=arrived,
    )


@asynccontextmanager
async def webhook_place() -> AsyncIterator[Place]:
    ids: list[str] = []

    async def take(request: web.Request) -> web.Response:
        ids.append((await request.json())["id"])
        return web.Response()

    async def arrived(_: int) -> list[str]:
        return ids

    application = web.Application()
    application.router.add_post("/", take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    try:
        yield Place(
            sink=WebhookSink(WebhookConfig(name="w", type="webhook", url=Secret(f"http://127.0.0.1:{port}/"))),
            unreachable=WebhookSink(WebhookConfig(name="w", type="webhook", url=Secret(f"http://{CLOSED_PORT}/"))),
            arrived=arrived,
        )
    finally:
        await runner.cleanup()


@asynccontextmanager
async def kafka_place() -> AsyncIterator[Place]:
    with cluster() as brokers:
        brokers.create("t")

        async def arrived(count: int) -> list[str]:
            return [record.id for record in await asyncio.to_thread(read, brokers.servers[0], "t", count)]

        def sink(*servers: str) -> KafkaSink:
            return KafkaSink(KafkaConfig(name="k", type="kafka", bootstrap_servers=servers, topic="t", timeout_s=3))

        yield Place(sink=sink(*brokers.servers), unreachable=sink(CLOSED_PORT), arrived=arrived)


@pytest.fixture(params=KINDS)
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    places = {
        "stdout": stdout_place,
        "file": lambda: file_place(tmp_path),
        "webhook": webhook_place,
        "kafka": kafka_place,
    }
    async with AsyncExitStack() as stack:
        found = await stack.enter_async_context(places[request.param]())
        stack.push_async_callback(found.unreachable.aclose)
        stack.push_async_callback(found.sink.aclose)
        yield found


async def test_events_arrive_in_order(place: Place) -> None:
    """
    What was sent is there when `send` returns, in the order of the batches and within them.
    """
    await place.sink.open()
    await place.sink.send([event(1), event(2)])
    await place.sink.send([event(3)])
    assert await place.arrived(3) == ["e1", "e2", "e3"]


async def test_a_sink_may_be_opened_again(place: Place) -> None:
    """
    After `aclose`, and after `open`, `open` makes ready to send.
    """
    await place.sink.open()
    await place.sink.aclose()
    await place.sink.open()
    await place.sink.open()
    await place.sink.send([event(1)])
    assert await place.arrived(1) == ["e1"]


async def test_closing_is_always_safe(place: Place) -> None:
    """
    Before `open`, and twice; nothing is sent by it.
    """
    await place.sink.aclose()
    await place.sink.open()
    await place.sink.aclose()
    await place.sink.aclose()
    assert await place.arrived(0) == []


async def test_an_empty_batch_sends_nothing(place: Place) -> None:
    """
    It is not an error.
    """
    await place.sink.open()
    await place.sink.send([])
    await place.sink.send([event(1)])
    assert await place.arrived(1) == ["e1"]


async def test_a_big_batch_with_any_text_arrives_whole(place: Place) -> None:
    """
    More than a pipe holds, in letters of several bytes.
    """
    batch = [event(number, "Ünïcödé \N{PILE OF POO}\n" * 20) for number in range(500)]
    await place.sink.open()
    await place.sink.send(batch)
    assert await place.arrived(500) == [item.id for item in batch]


async def test_what_cannot_be_reached_is_an_error_that_says_what_to_do(place: Place) -> None:
    """
    Nothing but the errors of the contract comes out of a sink, and soon.
    """

    async def attempt() -> None:
        await place.unreachable.open()
        await place.unreachable.send([event(1)])

    with pytest.raises((TransientError, DisabledError)):
        await asyncio.wait_for(attempt(), timeout=10)

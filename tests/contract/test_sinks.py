"""
What every sink owes delivery, in each format, with real destinations: a pipe, a file, HTTP servers, librdkafka.
"""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from sinks.base import Outgoing, Sink
from sinks.errors import DisabledError, TransientError
from sinks.file import FileConfig, FileSink
from sinks.formats import Format
from sinks.kafka import KafkaConfig, KafkaSink
from sinks.opensearch import OpenSearchConfig, OpenSearchSink
from sinks.otlp import OtlpConfig, OtlpSink
from sinks.secret import Secret
from sinks.splunk_hec import SplunkConfig, SplunkSink
from sinks.stdout import StdoutConfig, StdoutSink
from sinks.syslog import SyslogConfig, SyslogSink
from sinks.webhook import WebhookConfig, WebhookSink
from tests.kafka.reader import read
from tests.unit.sinks.kafka.mock import cluster
from tests.unit.sinks.opensearch.engine import engine
from tests.unit.sinks.otlp.endpoint import endpoint
from tests.unit.sinks.splunk_hec.collector import TOKEN, collector

CLOSED_PORT = "127.0.0.1:1"
KINDS = ["stdout", "file", "webhook", "opensearch", "otlp", "splunk_hec", "syslog", "kafka"]
OTHER_FORMATS = [("opensearch", Format.CLOUDEVENTS), ("opensearch", Format.OCSF)] + [
    (kind, form) for kind in ("file", "webhook", "kafka") for form in (Format.ECS, Format.OCSF)
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """
    A sink, a similar sink without a destination, and the ids that have arrived.
    """

    sink: Sink
    unreachable: Sink
    arrived: Callable[[int], Awaitable[list[str]]]


def event(number: int, text: str = "x") -> Outgoing:
    data = {"message": text, "container": {"name": f"e{number}"}}
    body = {"specversion": "1.0", "id": f"e{number}", "type": "exit137.oom_kill", "data": data}
    return Outgoing(id=f"e{number}", type="exit137.oom_kill", key="k", body=orjson.dumps(body))


def id_of(document: Mapping[str, Any], form: Format) -> str:
    """
    Return what consumers drop duplicates by.
    """
    path = {Format.CLOUDEVENTS: ("id",), Format.ECS: ("event", "id"), Format.OCSF: ("metadata", "uid")}[form]
    found: Any = document
    for name in path:
        found = found[name]
    return str(found)


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
async def file_place(directory: Path, form: Format) -> AsyncIterator[Place]:
    path = directory / "new" / "events.jsonl"

    async def arrived(_: int) -> list[str]:
        return [id_of(orjson.loads(line), form) for line in path.read_bytes().splitlines()]

    yield Place(
        sink=FileSink(FileConfig(name="f", type="file", path=str(path), format=form)),
        unreachable=FileSink(FileConfig(name="f", type="file", path=str(directory))),
        arrived=arrived,
    )


@asynccontextmanager
async def webhook_place(form: Format) -> AsyncIterator[Place]:
    ids: list[str] = []

    async def take(request: web.Request) -> web.Response:
        ids.append(id_of(await request.json(), form))
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
            sink=WebhookSink(
                WebhookConfig(name="w", type="webhook", url=Secret(f"http://127.0.0.1:{port}/"), format=form)
            ),
            unreachable=WebhookSink(WebhookConfig(name="w", type="webhook", url=Secret(f"http://{CLOSED_PORT}/"))),
            arrived=arrived,
        )
    finally:
        await runner.cleanup()


@asynccontextmanager
async def opensearch_place(form: Format) -> AsyncIterator[Place]:
    def sink(address: str) -> OpenSearchSink:
        url = Secret(f"http://{address}/")
        return OpenSearchSink(OpenSearchConfig(name="o", type="opensearch", url=url, index="i", format=form))

    async with engine() as found:

        async def arrived(_: int) -> list[str]:
            documents = found.indices.get("i", {})
            assert [id_of(document, form) for document in documents.values()] == list(documents)
            return list(documents)

        yield Place(sink=sink(f"127.0.0.1:{found.port}"), unreachable=sink(CLOSED_PORT), arrived=arrived)


@asynccontextmanager
async def otlp_place() -> AsyncIterator[Place]:
    def sink(address: str) -> OtlpSink:
        return OtlpSink(OtlpConfig(name="o", type="otlp", url=Secret(f"http://{address}/")))

    async with endpoint() as found:

        async def arrived(_: int) -> list[str]:
            return [event_id for ids in found.requests for event_id in ids]

        yield Place(sink=sink(f"127.0.0.1:{found.port}"), unreachable=sink(CLOSED_PORT), arrived=arrived)


@asynccontextmanager
async def splunk_place(directory: Path) -> AsyncIterator[Place]:
    token = directory / "token"
    token.write_text(TOKEN)

    def sink(address: str) -> SplunkSink:
        url = Secret(f"http://{address}/")
        return SplunkSink(SplunkConfig(name="s", type="splunk_hec", url=url, token_file=str(token)))

    async with collector() as found:

        async def arrived(_: int) -> list[str]:
            return found.indexed

        yield Place(sink=sink(f"127.0.0.1:{found.port}"), unreachable=sink(CLOSED_PORT), arrived=arrived)


@asynccontextmanager
async def syslog_place() -> AsyncIterator[Place]:
    content = bytearray()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        content.extend(await reader.read())
        writer.close()

    async def arrived(_: int) -> list[str]:
        return [orjson.loads(text[text.index(b"{") :])["id"] for text in octet_counted(bytes(content))]

    def sink(address: str) -> SyslogSink:
        return SyslogSink(SyslogConfig(name="s", type="syslog", address=f"tcp://{address}"))

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield Place(sink=sink(f"127.0.0.1:{port}"), unreachable=sink(CLOSED_PORT), arrived=arrived)


def octet_counted(content: bytes) -> list[bytes]:
    found = []
    while content:
        count, _, content = content.partition(b" ")
        found.append(content[: int(count)])
        content = content[int(count) :]
    return found


@asynccontextmanager
async def kafka_place(form: Format) -> AsyncIterator[Place]:
    with cluster() as brokers:
        brokers.create("t")

        async def arrived(count: int) -> list[str]:
            records = await asyncio.to_thread(read, brokers.servers[0], "t", count)
            binary = form is Format.CLOUDEVENTS
            return [record.id if binary else id_of(orjson.loads(record.value), form) for record in records]

        def sink(*servers: str) -> KafkaSink:
            settings = KafkaConfig(
                name="k", type="kafka", bootstrap_servers=servers, topic="t", timeout_s=3, format=form
            )
            return KafkaSink(settings)

        yield Place(sink=sink(*brokers.servers), unreachable=sink(CLOSED_PORT), arrived=arrived)


@pytest.fixture(
    params=[*((kind, None) for kind in KINDS), *OTHER_FORMATS], ids=lambda param: "-".join(filter(None, param))
)
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    kind, form = request.param
    places = {
        "stdout": stdout_place,
        "file": lambda: file_place(tmp_path, form or Format.CLOUDEVENTS),
        "webhook": lambda: webhook_place(form or Format.CLOUDEVENTS),
        "opensearch": lambda: opensearch_place(form or Format.ECS),
        "otlp": otlp_place,
        "splunk_hec": lambda: splunk_place(tmp_path),
        "syslog": syslog_place,
        "kafka": lambda: kafka_place(form or Format.CLOUDEVENTS),
    }
    async with AsyncExitStack() as stack:
        found = await stack.enter_async_context(places[kind]())
        stack.push_async_callback(found.unreachable.aclose)
        stack.push_async_callback(found.sink.aclose)
        yield found


async def test_events_arrive_in_order(place: Place) -> None:
    """
    Events have arrived when `send` returns, in the order of the batches and within them.
    """
    await place.sink.open()
    await place.sink.send([event(1), event(2)])
    await place.sink.send([event(3)])
    assert await place.arrived(3) == ["e1", "e2", "e3"]


async def test_a_sink_may_be_opened_again(place: Place) -> None:
    """
    `open` prepares for sending after `aclose`, and after an earlier `open`.
    """
    await place.sink.open()
    await place.sink.aclose()
    await place.sink.open()
    await place.sink.open()
    await place.sink.send([event(1)])
    assert await place.arrived(1) == ["e1"]


async def test_closing_is_always_safe(place: Place) -> None:
    """
    `aclose` works before `open` and twice, and it sends nothing.
    """
    await place.sink.aclose()
    await place.sink.open()
    await place.sink.aclose()
    await place.sink.aclose()
    assert await place.arrived(0) == []


async def test_an_empty_batch_sends_nothing(place: Place) -> None:
    """
    An empty batch is not an error.
    """
    await place.sink.open()
    await place.sink.send([])
    await place.sink.send([event(1)])
    assert await place.arrived(1) == ["e1"]


async def test_a_big_batch_with_any_text_arrives_whole(place: Place) -> None:
    """
    A batch that is larger than a pipe arrives complete, with multi-byte characters.
    """
    batch = [event(number, "Ünïcödé \N{PILE OF POO}\n" * 20) for number in range(500)]
    await place.sink.open()
    await place.sink.send(batch)
    assert await place.arrived(500) == [item.id for item in batch]


async def test_what_cannot_be_reached_is_an_error_that_says_what_to_do(place: Place) -> None:
    """
    An unreachable destination raises an error of the contract, and soon.
    """

    async def attempt() -> None:
        await place.unreachable.open()
        await place.unreachable.send([event(1)])

    with pytest.raises((TransientError, DisabledError)):
        await asyncio.wait_for(attempt(), timeout=40)

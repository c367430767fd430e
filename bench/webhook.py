"""
Events per second to a webhook with 16 requests in flight, signed: by the sink alone, and from the store to the answer.

    python bench/webhook.py

The events are those of the recorded host, again and again with new ids, from 64 containers. The receiver is a process
of its own on loopback that answers 200 after a given time. The store is on the disk of the working directory.
"""

import asyncio
import base64
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, cast

import orjson
import uvloop

from collector.delivery import Courier
from collector.metrics import Metrics
from collector.replay import load, play
from collector.store import Store, StoredEvent
from sinks.base import Outgoing
from sinks.event import to_json
from sinks.secret import Secret
from sinks.webhook import WebhookConfig, WebhookSink

RECORDED: Final = Path(__file__).parents[1] / "tests/recordings/debian12-docker20-cgroup2"
EVENTS: Final = 5120
CONTAINERS: Final = 64
ANSWERS_AFTER_S: Final = (0.0, 0.02)
DRAIN_S: Final = 120.0


def main() -> None:
    """
    Print one line for each figure.
    """
    events = _events()
    mean_bytes = sum(len(event.body) for event in events) / len(events)
    print(f"{len(events)} events of {mean_bytes:.0f} bytes in the mean")
    for after_s in ANSWERS_AFTER_S:
        with _receiver(after_s) as port, tempfile.TemporaryDirectory(dir=".") as folder:
            config = _config(port, Path(folder))
            answer = f"answer after {after_s * 1000:2.0f} ms"
            _tell(f"sink alone, {answer}:", *_measured(_sink_alone(config, events)))
            _tell(f"from the store, {answer}:", *_measured(_from_store(config, events, Path(folder) / "s.db")))


def _tell(what: str, per_s: float, cpu: float) -> None:
    print(f"{what:34} {per_s:7,.0f}/s  ({cpu:.2f} of a core)")


def _events() -> list[Outgoing]:
    documents = [orjson.loads(to_json(event)) for event in play(load(RECORDED))]
    found = []
    for number in range(EVENTS):
        document = documents[number % len(documents)] | {"id": f"e{number}"}
        body = orjson.dumps(document)
        found.append(Outgoing(id=f"e{number}", type=document["type"], key=f"c{number % CONTAINERS}", body=body))
    return found


def _config(port: int, folder: Path) -> WebhookConfig:
    secret = folder / "secret"
    secret.write_text("whsec_" + base64.b64encode(bytes(32)).decode())
    url = Secret(f"http://127.0.0.1:{port}/")
    return WebhookConfig(name="hook", type="webhook", url=url, signing_secrets_files=(str(secret),))


def _measured(sending: Coroutine[None, None, float]) -> tuple[float, float]:
    """
    Events per second, and how much of a core it took.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        cpu_s = _cpu_s()
        spent_s = runner.run(sending)
        return EVENTS / spent_s, (_cpu_s() - cpu_s) / spent_s


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def _sink_alone(config: WebhookConfig, events: Sequence[Outgoing]) -> float:
    sink = WebhookSink(config)
    await sink.open()
    began = time.perf_counter()
    for start in range(0, len(events), sink.max_batch):
        await sink.send(events[start : start + sink.max_batch])
    spent_s = time.perf_counter() - began
    await sink.aclose()
    return spent_s


async def _from_store(config: WebhookConfig, events: Sequence[Outgoing], path: Path) -> float:
    store = await Store.open(path)
    await store.commit([_stored(event, config.name) for event in events], {})
    courier = Courier(config, WebhookSink(config), store=store, metrics=Metrics(sinks=[config.name]))
    async with asyncio.TaskGroup() as tasks:
        began = time.perf_counter()
        task = tasks.create_task(courier.run(), name="courier")
        if not await courier.drain(DRAIN_S):
            raise SystemExit("not all was delivered")
        spent_s = time.perf_counter() - began
        task.cancel()
    await store.aclose()
    return spent_s


def _stored(event: Outgoing, sink: str) -> StoredEvent:
    return StoredEvent(
        id=event.id,
        type=event.type,
        subject=f"container/{event.key}",
        key=event.key,
        time_ns=time.time_ns(),
        container_id=event.key,
        body=event.body,
        sinks=(sink,),
    )


@contextmanager
def _receiver(after_s: float) -> Iterator[int]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_receive, args=(theirs, after_s), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


def _receive(port: Connection, after_s: float) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(port, after_s))


async def _serve(port: Connection, after_s: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Answers(after_s), "127.0.0.1", 0)
    port.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


class _Answers(asyncio.Protocol):
    """
    Answers each request that is whole: as little as HTTP needs, so that what is measured is the sink.
    """

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._content = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        Remember whom to answer.
        """
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """
        Collect until the body is there; the client sends no second request before the answer.
        """
        self._content += data
        head, end, body = self._content.partition(b"\r\n\r\n")
        if not end or len(body) < int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]):
            return
        self._content = b""
        asyncio.get_running_loop().call_later(self._after_s, self._answer)

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")


if __name__ == "__main__":
    main()

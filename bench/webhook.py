"""
Measures events per second to a webhook with 16 signed requests in flight: by the sink alone, and from the store to the
answer.

    python bench/webhook.py

The events are those of a recorded host, repeated with new ids, from 64 containers. The receiver is another process on
the loopback interface that answers 200 after a given time. The store is on the disk of the working directory.
"""

import asyncio
import base64
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import orjson
import uvloop

from bench.shared.receiving import Requests, receiver
from bench.shared.sending import from_store, measured, through_sink
from collector.recordings.replay import load, play
from sinks.base import Outgoing
from sinks.event import to_json
from sinks.secret import Secret
from sinks.webhook import WebhookConfig, WebhookSink

RECORDED: Final = Path(__file__).parents[1] / "tests/recordings/debian12-docker20-cgroup2"
EVENTS: Final = 5120
CONTAINERS: Final = 64
ANSWERS_AFTER_S: Final = (0.0, 0.02)


def main() -> None:
    """
    Print one line per figure.
    """
    events = _events()
    mean_bytes = sum(len(event.body) for event in events) / len(events)
    print(f"{len(events)} events of {mean_bytes:.0f} bytes on average")
    for after_s in ANSWERS_AFTER_S:
        with receiver(_receive, after_s) as (port, _), tempfile.TemporaryDirectory(dir=".") as folder:
            config = _config(port, Path(folder))
            answer = f"answer after {after_s * 1000:2.0f} ms"
            _print_rate(f"sink alone, {answer}:", *measured(through_sink(WebhookSink(config), events), EVENTS))
            stored = from_store(config, WebhookSink(config), events, Path(folder) / "s.db")
            _print_rate(f"from the store, {answer}:", *measured(stored, EVENTS))


def _print_rate(what: str, per_s: float, cpu: float) -> None:
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


def _receive(port: Connection, after_s: float) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(port, after_s))


async def _serve(port: Connection, after_s: float) -> None:
    loop = asyncio.get_running_loop()

    def answer(_head: bytes, transport: asyncio.Transport) -> None:
        loop.call_later(after_s, _acknowledge, transport)

    server = await loop.create_server(lambda: Requests(answer), "127.0.0.1", 0)
    port.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _acknowledge(transport: asyncio.Transport) -> None:
    if not transport.is_closing():
        transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")


if __name__ == "__main__":
    main()

"""
Stores 100,000 events while a webhook is down for an hour, then lets it accept them. No event may be missing, out of
order or kept in memory.

    python bench/outage.py [EVENTS]

The hour is simulated: the courier's clock moves as the events are stored. Store, courier, sink, requests and answers
are real. The receiver is another process on the loopback interface that answers 503, and later 204. The events are
those of a recorded host, repeated with new ids, from 64 containers.
"""

import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import orjson
import uvloop

from bench.shared.receiving import Requests, header, receiver
from collector.delivery import Courier
from collector.metrics import Metrics
from collector.recordings.replay import load, play
from collector.store import Store, StoredEvent
from sinks.event import to_json
from sinks.secret import Secret
from sinks.webhook import WebhookConfig, WebhookSink

RECORDED: Final = Path(__file__).parents[1] / "tests/recordings/debian12-docker20-cgroup2"
EVENTS: Final = 100_000
CONTAINERS: Final = 64
STEPS: Final = 360
STEP_S: Final = 10.0
STORE_BYTES: Final = 1_073_741_824
_PAGE_BYTES: Final = 4096


class SteppedClock:
    """
    A clock that is moved by hand, and wakes whoever waits for a time that has come.
    """

    def __init__(self) -> None:
        self._now_s = time.time()
        self._waiting: list[tuple[float, asyncio.Event]] = []

    def now_s(self) -> float:
        """
        Return the seconds since 1970.
        """
        return self._now_s

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """
        Wait until the event is set, or until the time has come.
        """
        over = asyncio.Event()
        if seconds is not None:
            self._waiting.append((self._now_s + seconds, over))
        async with asyncio.TaskGroup() as tasks:
            waits = [tasks.create_task(each.wait(), name="wait") for each in (event, over)]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()

    def advance(self, seconds: float) -> None:
        """
        Move the clock.
        """
        self._now_s += seconds
        for due_s, over in self._waiting:
            if due_s <= self._now_s:
                over.set()
        self._waiting = [(due_s, over) for due_s, over in self._waiting if due_s > self._now_s]


def main() -> None:
    """
    Print the result.
    """
    count = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    with (
        receiver(_receive) as (port, orders),
        tempfile.TemporaryDirectory(dir=".") as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_outage(count, port, orders, Path(folder) / "s.db"))


async def _outage(count: int, port: int, orders: Connection, path: Path) -> None:
    config = WebhookConfig(name="hook", type="webhook", url=Secret(f"http://127.0.0.1:{port}/"))
    store = await Store.open(path, max_bytes=STORE_BYTES)
    clock, metrics = SteppedClock(), Metrics(sinks=["hook"])
    courier = Courier(config, WebhookSink(config), store=store, metrics=metrics, clock=clock)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(courier.run(), name="courier")
        await _hour(count, store, courier, clock)
        attempts = metrics.value("exit137_sink_attempts", "hook")
        print(f"after an hour: {store.depth('hook'):,} events pending, {attempts:.0f} attempts failed")
        print(f"  circuit {courier.health.circuit.value}, resident {resident_mib():.0f} MiB")
        orders.send("up")
        await _drain(store, clock)
        task.cancel()
    await store.aclose()
    orders.send("report")
    _print_arrivals(count, orders.recv())


async def _hour(count: int, store: Store, courier: Courier, clock: SteppedClock) -> None:
    bodies = [orjson.loads(to_json(event)) for event in play(load(RECORDED))]
    print(f"at the start: resident {resident_mib():.0f} MiB")
    for step in range(STEPS):
        numbers = range(step * count // STEPS, (step + 1) * count // STEPS)
        await store.commit([_stored(number, bodies[number % len(bodies)]) for number in numbers], {})
        courier.wake()
        clock.advance(STEP_S)
        await asyncio.sleep(0.005)


async def _drain(store: Store, clock: SteppedClock) -> None:
    began, most = time.perf_counter(), 0.0
    clock.advance(60.0)
    while store.depth("hook"):
        await asyncio.sleep(0.1)
        clock.advance(0.1)
        most = max(most, resident_mib())
    spent_s = time.perf_counter() - began
    print(f"drained in {spent_s:.0f} s, resident {most:.0f} MiB at most")


def _print_arrivals(count: int, accepted: Sequence[str]) -> None:
    times = Counter(accepted)
    latest: Counter[int] = Counter()
    disordered = 0
    for event_id in accepted:
        number = int(event_id[1:])
        disordered += latest[number % CONTAINERS] > number
        latest[number % CONTAINERS] = number
    repeated = sum(times.values()) - len(times)
    print(f"arrived {len(times):,}, missing {count - len(times):,}, repeated {repeated}, out of order {disordered}")


def resident_mib() -> float:
    """
    Return the memory of this process that is in RAM.
    """
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES / 1_048_576


def _stored(number: int, document: dict[str, object]) -> StoredEvent:
    key = f"c{number % CONTAINERS}"
    return StoredEvent(
        id=f"e{number}",
        type=str(document["type"]),
        subject=f"container/{key}",
        key=key,
        time_ns=time.time_ns(),
        container_id=key,
        body=orjson.dumps(document | {"id": f"e{number}"}),
        sinks=("hook",),
    )


def _receive(orders: Connection) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(orders))


async def _serve(orders: Connection) -> None:
    loop = asyncio.get_running_loop()
    accepted: list[str] = []
    up = asyncio.Event()

    def follow_order() -> None:
        if orders.recv() == "up":
            up.set()
        else:
            orders.send(accepted)

    def answer(head: bytes, transport: asyncio.Transport) -> None:
        if up.is_set():
            accepted.append(header(head, b"webhook-id").decode())
            transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        else:
            transport.write(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")

    server = await loop.create_server(lambda: Requests(answer), "127.0.0.1", 0)
    orders.send(server.sockets[0].getsockname()[1])
    loop.add_reader(orders.fileno(), follow_order)
    await server.serve_forever()


if __name__ == "__main__":
    main()

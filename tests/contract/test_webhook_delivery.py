"""
From a real store through the real delivery to a server that fails at random: nothing is lost, and order is kept.
"""

import asyncio
import random
from collections import Counter
from pathlib import Path

from collector.delivery import Courier
from collector.metrics import Metrics
from collector.store import Store, StoredEvent
from sinks.secret import Secret
from sinks.webhook import WebhookConfig, WebhookSink
from tests.unit.sinks.http.receiver import Answer, Receiver, close, receiver, reset, status

EVENTS = 200
CONTAINERS = 7
FAULTS = [reset, close, status(500), status(503, "retry-after: 3\r\n"), status(429, "retry-after: 9\r\n"), status(408)]


class WaitedClock:
    """
    A clock that moves only when it is waited on.
    """

    def __init__(self) -> None:
        self.time_s = 1_000_000.0

    def now_s(self) -> float:
        return self.time_s

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        if seconds is None:
            await event.wait()
            return
        self.time_s += seconds
        await asyncio.sleep(0)


def stored(number: int) -> StoredEvent:
    return StoredEvent(
        id=f"e{number:03}",
        type="exit137.oom_kill",
        subject="container/c",
        key=f"k{number % CONTAINERS}",
        time_ns=1,
        container_id="c",
        body=b"{}",
        sinks=("w",),
    )


async def deliver_all(folder: Path, server: Receiver) -> Store:
    """
    Deliver all events. Return the store.
    """
    store = await Store.open(folder / "s.db")
    await store.commit([stored(number) for number in range(EVENTS)], {})
    config = WebhookConfig(name="w", type="webhook", url=Secret(f"http://127.0.0.1:{server.port}/"))
    courier = Courier(
        config,
        WebhookSink(config),
        store=store,
        metrics=Metrics(sinks=["w"]),
        clock=WaitedClock(),
        rng=random.Random(137),  # noqa: S311 (jitter)
    )
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(courier.run())
        assert await courier.drain(30)
        task.cancel()
    return store


async def test_through_all_faults_each_event_is_accepted_once_and_in_order(tmp_path: Path) -> None:
    """
    An accepted event is not sent again, and after a refused event no later event of its container arrives.
    """
    rng = random.Random(137)  # noqa: S311 (not a secret)
    accepted: list[str] = []

    def answering(ids: Receiver) -> Answer:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            event_id = ids.requests[-1].headers["webhook-id"]
            fault = rng.choice(FAULTS) if rng.random() < 0.2 else None
            if fault is None:
                accepted.append(event_id)
            await (fault or status(200))(reader, writer)

        return answer

    async with receiver() as server:
        server.answers = [answering(server)]
        store = await deliver_all(tmp_path, server)
        assert store.depth("w") == 0
        await store.aclose()
    assert set(Counter(accepted).values()) == {1}
    assert len(accepted) == EVENTS < len(server.requests)
    for key in range(CONTAINERS):
        of_key = [event_id for event_id in accepted if int(event_id[1:]) % CONTAINERS == key]
        assert of_key == sorted(of_key)

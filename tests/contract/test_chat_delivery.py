"""
From a real store through the real delivery to the server of a chat: a storm is a few messages, and nothing is lost.

Time moves only when delivery waits. HTTP is real.
"""

import asyncio
import itertools
import random
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import orjson
import pytest

from collector.delivery import Courier, addressed
from collector.metrics import Metrics
from collector.store import Store
from sinks.base import Sink, SinkConfig
from sinks.event import Container, Event, EventType
from sinks.file import FileConfig, FileSink
from sinks.secret import Secret
from sinks.slack import SlackConfig, SlackSink
from tests.unit.collector.delivery.stopped_clock import BEGIN_S, StoppedClock
from tests.unit.sinks.chat.limits import check_slack
from tests.unit.sinks.chat.scenes import recorded
from tests.unit.sinks.http.receiver import Answer, Receiver, receiver, reset, status

pytestmark = pytest.mark.slow

DEATHS: Final = 500
CONTAINERS: Final = 40
STORM_S: Final = 60
QUIET_S: Final = 3600


def storm() -> list[Event]:
    """
    Return five hundred deaths by OOM kill, of forty containers in turn.
    """
    death = next(
        event
        for event in recorded()
        if event.type is EventType.CONTAINER_DEATH and event.exit137.cause == "oom_kill" and event.container is not None
    )
    return [
        replace(
            death,
            id=f"death-{number:03}",
            container=Container(id=f"{number % CONTAINERS:064}", name=f"box-{number % CONTAINERS}"),
            time_ns=int((BEGIN_S + number * STORM_S / DEATHS) * 1e9),
        )
        for number in range(DEATHS)
    ]


@asynccontextmanager
async def courier(config: SinkConfig, sink: Sink, store: Store, clock: StoppedClock) -> AsyncIterator[Courier]:
    found = Courier(
        config,
        sink,
        store=store,
        metrics=Metrics(sinks=[config.name]),
        clock=clock,
        rng=random.Random(137),  # noqa: S311 (jitter)
    )
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(found.run())
        yield found
        task.cancel()


def slack(server: Receiver) -> SlackConfig:
    return SlackConfig(name="chat", type="slack", url=Secret(f"http://127.0.0.1:{server.port}/"))


async def deliver_storm(server: Receiver, folder: Path) -> tuple[list[str], int, list[float]]:
    """
    Deliver the storm, and let an hour pass. Return the ids in the file of another sink, the number of events that are
    still pending for the chat, and the times of its attempts.
    """
    clock, audit = StoppedClock(), FileConfig(name="audit", type="file", path=str(folder / "events.jsonl"))
    store = await Store.open(folder / "s.db", wall_ns=clock.wall_ns)
    chat, attempts_s = slack(server), []

    class WatchedSink(SlackSink):
        async def send(self, batch: object) -> None:
            attempts_s.append(clock.now_s())
            await super().send(batch)  # type: ignore[arg-type]

    async with (
        courier(chat, WatchedSink(chat), store, clock) as chat_courier,
        courier(audit, FileSink(audit), store, StoppedClock()) as file_courier,
    ):
        for number, event in enumerate(storm()):
            await store.commit([addressed(event, [chat, audit])], {})
            file_courier.wake()
            await clock.run_to(chat_courier, (number + 1) * STORM_S / DEATHS)
        await clock.run_to(chat_courier, QUIET_S)
        assert await file_courier.drain(10)
    depth = store.depth("chat")
    await store.aclose()
    lines = (folder / "events.jsonl").read_bytes().splitlines()
    return [orjson.loads(line)["id"] for line in lines], depth, attempts_s


def death_count(body: bytes) -> int:
    """
    Return the number of deaths that a message reports.
    """
    check_slack(body)
    header = orjson.loads(body)["blocks"][0]["text"]["text"]
    found = re.search(r"(\d+) container deaths|, (\d+) times", header)
    return int(found.group(1) or found.group(2)) if found is not None else 1


async def test_a_storm_is_a_few_messages_and_other_sinks_receive_all(tmp_path: Path) -> None:
    """
    Five hundred deaths in a minute are three messages, at least a second apart, the first at once. Each death is in one
    of them, and in the file, in order.
    """
    async with receiver() as server:
        ids, depth, attempts_s = await deliver_storm(server, tmp_path)
    counts = [death_count(request.body) for request in server.requests]
    assert len(counts) == 3
    assert (counts[0], sum(counts), depth) == (1, DEATHS, 0)
    assert attempts_s[0] == BEGIN_S
    assert all(later - early >= 1 for early, later in itertools.pairwise(attempts_s))
    assert ids == [event.id for event in storm()]


async def test_a_failing_chat_loses_nothing(tmp_path: Path) -> None:
    """
    Requests are limited, the server fails, and connections break before and after a message was accepted: each death is
    reported, twice only if the chat accepted a message and did not answer.
    """
    rng = random.Random(7)  # noqa: S311 (not a secret)
    accepted: list[int] = []
    unanswered: list[int] = []

    def answering(found: Receiver) -> Answer:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            count = death_count(found.requests[-1].body)
            chance = rng.random()
            if chance < 0.2:
                unanswered.append(count)
            elif chance > 0.7:
                accepted.append(count)
            faults = [status(429, "retry-after: 30\r\n"), status(500), reset]
            await (status(200) if chance > 0.7 else reset if chance < 0.2 else rng.choice(faults))(reader, writer)

        return answer

    async with receiver() as server:
        server.answers = [answering(server)]
        ids, depth, attempts_s = await deliver_storm(server, tmp_path)
    assert (sum(accepted), depth) == (DEATHS, 0)
    assert len(accepted) < 10
    assert Counter(ids) == Counter(event.id for event in storm())
    assert unanswered
    assert len(server.requests) > len(accepted)
    assert all(later - early >= 1 for early, later in itertools.pairwise(attempts_s))


async def test_retry_after_is_respected(tmp_path: Path) -> None:
    """
    The next attempt comes no earlier, whatever is stored meanwhile.
    """
    async with receiver(status(429, "retry-after: 40\r\n"), status(200)) as server:
        _, depth, attempts_s = await deliver_storm(server, tmp_path)
    assert attempts_s[1] - attempts_s[0] >= 40
    assert depth == 0

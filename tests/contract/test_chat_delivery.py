"""
From a real store through the real delivery to a chat's server: a storm is a few messages, and nothing is lost.

Time stands still but for what delivery waits for; HTTP is real.
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

from collector.delivery import Courier, group_of, route
from collector.metrics import Metrics
from collector.store import Store, StoredEvent
from sinks.base import Sink, SinkConfig
from sinks.event import Container, Event, EventType, to_json
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
    Five hundred deaths by OOM kill, of forty containers in turn.
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


def stored(event: Event, *configs: SinkConfig) -> StoredEvent:
    """
    The event as the intake stores it.
    """
    return StoredEvent(
        id=event.id,
        type=event.type.value,
        subject=event.subject,
        key=event.key,
        time_ns=event.time_ns,
        container_id=event.key,
        body=to_json(event),
        sinks=route(event, configs),
        group=group_of(event),
    )


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


async def tell_storm(server: Receiver, folder: Path) -> tuple[list[str], int, list[float]]:
    """
    The storm, and an hour; gives the ids in the file beside the chat, what still waits for it, and when it was sent to.
    """
    clock, audit = StoppedClock(), FileConfig(name="audit", type="file", path=str(folder / "events.jsonl"))
    store = await Store.open(folder / "s.db", wall_ns=clock.wall_ns)
    chat, attempts_s = slack(server), []

    class WatchedSink(SlackSink):
        async def send(self, batch: object) -> None:
            attempts_s.append(clock.now_s())
            await super().send(batch)  # type: ignore[arg-type]

    async with (
        courier(chat, WatchedSink(chat), store, clock) as talker,
        courier(audit, FileSink(audit), store, StoppedClock()) as clerk,
    ):
        for number, event in enumerate(storm()):
            await store.commit([stored(event, chat, audit)], {})
            clerk.wake()
            await clock.run_to(talker, (number + 1) * STORM_S / DEATHS)
        await clock.run_to(talker, QUIET_S)
        assert await clerk.drain(10)
    depth = store.depth("chat")
    await store.aclose()
    lines = (folder / "events.jsonl").read_bytes().splitlines()
    return [orjson.loads(line)["id"] for line in lines], depth, attempts_s


def told(body: bytes) -> int:
    """
    Of how many deaths a message tells, by its own words.
    """
    check_slack(body)
    header = orjson.loads(body)["blocks"][0]["text"]["text"]
    found = re.search(r"(\d+) container deaths|, (\d+) times", header)
    return int(found.group(1) or found.group(2)) if found is not None else 1


async def test_a_storm_is_a_few_messages_and_reaches_others_whole(tmp_path: Path) -> None:
    """
    Five hundred deaths in a minute: three messages, a second apart, the first at once; each death is in one of them,
    and in the file, in order.
    """
    async with receiver() as server:
        ids, depth, attempts_s = await tell_storm(server, tmp_path)
    counts = [told(request.body) for request in server.requests]
    assert len(counts) == 3
    assert (counts[0], sum(counts), depth) == (1, DEATHS, 0)
    assert attempts_s[0] == BEGIN_S
    assert all(later - early >= 1 for early, later in itertools.pairwise(attempts_s))
    assert ids == [event.id for event in storm()]


async def test_a_chat_that_is_ill_loses_nothing(tmp_path: Path) -> None:
    """
    Too many requests, server errors, connections that break before and after the message was taken: each death is told,
    twice only where the chat took a message and did not say so.
    """
    rng = random.Random(7)  # noqa: S311 (not a secret)
    taken: list[int] = []
    unsaid: list[int] = []

    def answering(found: Receiver) -> Answer:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            count = told(found.requests[-1].body)
            chance = rng.random()
            if chance < 0.2:
                unsaid.append(count)
            elif chance > 0.7:
                taken.append(count)
            faults = [status(429, "retry-after: 30\r\n"), status(500), reset]
            await (status(200) if chance > 0.7 else reset if chance < 0.2 else rng.choice(faults))(reader, writer)

        return answer

    async with receiver() as server:
        server.answers = [answering(server)]
        ids, depth, attempts_s = await tell_storm(server, tmp_path)
    assert (sum(taken), depth) == (DEATHS, 0)
    assert len(taken) < 10
    assert Counter(ids) == Counter(event.id for event in storm())
    assert unsaid
    assert len(server.requests) > len(taken)
    assert all(later - early >= 1 for early, later in itertools.pairwise(attempts_s))


async def test_retry_after_is_kept(tmp_path: Path) -> None:
    """
    To the second, whatever comes in between.
    """
    async with receiver(status(429, "retry-after: 40\r\n"), status(200)) as server:
        _, depth, attempts_s = await tell_storm(server, tmp_path)
    assert attempts_s[1] - attempts_s[0] >= 40
    assert depth == 0

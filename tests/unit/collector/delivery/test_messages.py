"""
Delivery to a sink that people read, over a real store, with a clock that moves only when it is waited for.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from collector.delivery import Courier
from collector.metrics import Metrics
from collector.store import Store, StoredEvent, WaitingGroup
from sinks.base import Grouping, Outgoing, SinkConfig
from sinks.errors import PermanentError, Reason, TransientError
from tests.unit.collector.delivery.stopped_clock import BEGIN_S, StoppedClock

BUSY = TransientError(Reason.SERVER_ERROR, "busy")
BAD = PermanentError(Reason.REJECTED, "bad")


class ChatConfig(SinkConfig, frozen=True, kw_only=True):
    """
    Of a sink that people read.
    """

    grouping: Grouping = Grouping()


class Chat:
    """
    Takes messages; first raises what it was given.
    """

    max_batch = 500

    def __init__(self, clock: StoppedClock, *failures: Exception) -> None:
        self.clock = clock
        self.failures = list(failures)
        self.attempts_s: list[float] = []
        self.messages: list[list[Outgoing]] = []

    @property
    def ids(self) -> list[list[str]]:
        return [[event.id for event in message] for message in self.messages]

    async def open(self) -> None:
        pass

    async def send(self, batch: Sequence[Outgoing]) -> None:
        self.attempts_s.append(self.clock.time_s - BEGIN_S)
        if self.failures:
            raise self.failures.pop(0)
        self.messages.append(list(batch))

    async def aclose(self) -> None:
        pass


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
async def store(tmp_path: Path, clock: StoppedClock) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "s.db", wall_ns=clock.wall_ns)
    yield store
    await store.aclose()


async def put(store: Store, clock: StoppedClock, *ids: str, group: str = "a") -> None:
    """
    Store these, which happen now.
    """
    await store.commit(
        [
            StoredEvent(
                id=event_id,
                type="exit137.oom_kill",
                subject="container/c",
                key=event_id,
                time_ns=clock.wall_ns(),
                container_id="c",
                body=b"{}",
                sinks=("chat",),
                group=group,
            )
            for event_id in ids
        ],
        {},
    )


@asynccontextmanager
async def running(store: Store, clock: StoppedClock, chat: Chat, burst: int = 4) -> AsyncIterator[Courier]:
    config = ChatConfig(name="chat", type="scripted", grouping=Grouping(burst=burst))
    rng = random.Random(137)  # noqa: S311 (jitter)
    courier = Courier(config, chat, store=store, metrics=Metrics(sinks=["chat"]), clock=clock, rng=rng)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(courier.run())
        yield courier
        task.cancel()


async def test_a_message_is_all_events_of_its_group(store: Store, clock: StoppedClock) -> None:
    """
    The first at once, what follows together; each with how often it has happened in 24 hours.
    """
    chat = Chat(clock)
    await put(store, clock, "1")
    async with running(store, clock, chat) as courier:
        await clock.run_to(courier, 60)
        await put(store, clock, "2", "3")
        await clock.run_to(courier, 400)
    assert chat.ids == [["1"], ["2", "3"]]
    assert [event.times_in_last_day for message in chat.messages for event in message] == [1, 3, 3]
    assert store.depth("chat") == 0


async def test_what_is_older_than_a_day_is_not_counted(store: Store, clock: StoppedClock) -> None:
    """
    The third within two days is the second within one.
    """
    chat = Chat(clock)
    async with running(store, clock, chat) as courier:
        for day in (0, 1.5, 2):
            await clock.run_to(courier, 86_400 * day)
            await put(store, clock, str(day))
        await clock.run_to(courier, 86_400 * 2 + 1)
    assert [event.times_in_last_day for message in chat.messages for event in message] == [1, 1, 2]


async def test_a_first_event_is_told_though_hundreds_wait_for_their_digest(store: Store, clock: StoppedClock) -> None:
    """
    What waits longest does not hide what is new.
    """
    chat = Chat(clock)
    await put(store, clock, "0")
    async with running(store, clock, chat) as courier:
        await clock.run_to(courier, 10)
        await put(store, clock, *[f"x{number}" for number in range(600)])
        await put(store, clock, "new", group="b")
        await clock.run_to(courier, 11)
    assert chat.ids == [["0"], ["new"]]


async def test_a_digest_has_so_many_events_as_the_sink_takes(store: Store, clock: StoppedClock) -> None:
    """
    The others are in the next one.
    """
    chat = Chat(clock)
    await put(store, clock, "0")
    async with running(store, clock, chat) as courier:
        await clock.run_to(courier, 10)
        await put(store, clock, *[f"x{number}" for number in range(600)])
        await clock.run_to(courier, 700)
    assert [len(message) for message in chat.messages] == [1, 500, 100]


async def test_a_group_that_has_no_room_in_a_message_was_not_told(store: Store, clock: StoppedClock) -> None:
    """
    Its first event is in the next one, not in a digest.
    """
    chat = Chat(clock)
    for group in "abcde":
        await put(store, clock, *[f"{group}{number}" for number in range(150)], group=group)
    await put(store, clock, "new", group="f")
    async with running(store, clock, chat) as courier:
        await clock.run_to(courier, 10)
    assert [len(message) for message in chat.messages] == [150, 500, 1]
    assert chat.ids[2] == ["new"]


async def test_failed_attempts_too_are_a_second_apart(store: Store, clock: StoppedClock) -> None:
    """
    Also where the wait before the next would be shorter; what Retry-After says is kept.
    """
    chat = Chat(clock, *[BUSY] * 3, TransientError(Reason.RATE_LIMITED, "later", retry_after_s=30))
    await put(store, clock, "1")
    async with running(store, clock, chat) as courier:
        await clock.run_to(courier, 200)
    gaps = [later - early for early, later in zip(chat.attempts_s, chat.attempts_s[1:], strict=False)]
    assert min(gaps) >= 1
    assert gaps[3] == pytest.approx(30)
    assert chat.ids == [["1"]]


async def test_a_message_that_failed_is_told_with_what_has_come_since(store: Store, clock: StoppedClock) -> None:
    """
    It was not told: no digest waits for it, and nothing is sent twice.
    """
    chat = Chat(clock, TransientError(Reason.RATE_LIMITED, "later", retry_after_s=20))
    await put(store, clock, "1")
    async with running(store, clock, chat) as courier:
        await clock.run_to(courier, 10)
        await put(store, clock, "2")
        await clock.run_to(courier, 30)
    assert chat.ids == [["1", "2"]]


async def test_an_open_circuit_is_tried_with_one_message(store: Store, clock: StoppedClock) -> None:
    """
    Whatever its first event's group: a message is one attempt.
    """
    chat = Chat(clock, *[BUSY] * 5)
    await put(store, clock, "1", "2", "3")
    async with running(store, clock, chat) as courier:
        await clock.run_to(courier, 200)
    assert chat.ids == [["1", "2", "3"]]


async def test_a_message_that_is_refused_is_put_aside(store: Store, clock: StoppedClock) -> None:
    """
    One by one its events would be a flood.
    """
    chat = Chat(clock, BAD)
    await put(store, clock, "1", "2")
    async with running(store, clock, chat) as courier:
        await clock.run_to(courier, 10)
    assert (chat.ids, len(chat.attempts_s), store.depth("chat")) == ([], 1, 0)


async def test_a_digest_that_waits_does_not_hold_up_the_end(store: Store, clock: StoppedClock) -> None:
    """
    A drain waits for what may be sent now; after a restart the digest comes when it is due.
    """
    chat = Chat(clock)
    await put(store, clock, "1")
    async with running(store, clock, chat) as courier:
        await clock.run_to(courier, 10)
        await put(store, clock, "2")
        await clock.run_to(courier, 20)
        assert await courier.drain(5)
    async with running(store, clock, chat) as courier:
        await clock.run_to(courier, 299)
        assert chat.ids == [["1"]]
        await clock.run_to(courier, 300)
    assert chat.ids == [["1"], ["2"]]


@pytest.fixture
def looks(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """
    When the courier looked through what waits.
    """
    found: list[float] = []
    waiting = store.waiting

    async def counted(sink: str, now_s: float) -> list[WaitingGroup]:
        found.append(now_s - BEGIN_S)
        return await waiting(sink, now_s)

    monkeypatch.setattr(store, "waiting", counted)
    return found


async def test_what_waits_is_not_looked_through_while_no_message_may_go_out(
    store: Store, clock: StoppedClock, looks: list[float]
) -> None:
    """
    A storm stores much in that time, and each commit wakes the courier.
    """
    chat = Chat(clock)
    async with running(store, clock, chat) as courier:
        for number in range(40):
            await put(store, clock, str(number), group=str(number))
            await clock.run_to(courier, number)
    assert len(chat.messages) == 4
    assert len(looks) < 10


async def test_a_digest_that_failed_waits_as_calmly_as_any(
    store: Store, clock: StoppedClock, looks: list[float]
) -> None:
    """
    Its retry is over, its turn has not come: nobody looks again and again.
    """
    chat = Chat(clock)
    await put(store, clock, "a1")
    async with running(store, clock, chat, burst=2) as courier:
        await clock.run_to(courier, 2)
        await put(store, clock, "a2")
        await clock.run_to(courier, 10)
        chat.failures.append(TransientError(Reason.RATE_LIMITED, "later", retry_after_s=291))
        await put(store, clock, "b", group="b")
        await clock.run_to(courier, 600)
        assert chat.ids == [["a1"], ["b"]]
        assert len(looks) < 30
        await clock.run_to(courier, 602)
    assert chat.ids == [["a1"], ["b"], ["a2"]]

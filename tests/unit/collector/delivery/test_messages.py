"""
Delivery to a chat over a real store, with a clock that moves only when it is waited on.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from collector.delivery import Courier
from collector.metrics import Metrics
from collector.store import PendingGroup, Store, StoredEvent
from sinks.base import Grouping, Outgoing, SinkConfig
from sinks.errors import PermanentError, Reason, TransientError
from tests.unit.collector.delivery.stopped_clock import BEGIN_S, StoppedClock

BUSY = TransientError(Reason.SERVER_ERROR, "busy")
BAD = PermanentError(Reason.REJECTED, "bad")


class ChatConfig(SinkConfig, frozen=True, kw_only=True):
    """
    The configuration of a chat.
    """

    grouping: Grouping = Grouping()


class Chat:
    """
    Raises the given failures, one per send, then accepts every message.
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
    Store events that happen now.
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


async def test_a_message_contains_all_pending_events_of_its_group(store: Store, clock: StoppedClock) -> None:
    """
    The first event is sent at once and later ones together, each with its count of the last 24 hours.
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


async def test_events_older_than_a_day_are_not_counted(store: Store, clock: StoppedClock) -> None:
    """
    The third event within two days is the second within one.
    """
    chat = Chat(clock)
    async with running(store, clock, chat) as courier:
        for day in (0, 1.5, 2):
            await clock.run_to(courier, 86_400 * day)
            await put(store, clock, str(day))
        await clock.run_to(courier, 86_400 * 2 + 1)
    assert [event.times_in_last_day for message in chat.messages for event in message] == [1, 1, 2]


async def test_a_new_group_is_sent_while_hundreds_wait_for_a_digest(store: Store, clock: StoppedClock) -> None:
    """
    The events that are pending for longest do not hide a new group.
    """
    chat = Chat(clock)
    await put(store, clock, "0")
    async with running(store, clock, chat) as courier:
        await clock.run_to(courier, 10)
        await put(store, clock, *[f"x{number}" for number in range(600)])
        await put(store, clock, "new", group="b")
        await clock.run_to(courier, 11)
    assert chat.ids == [["0"], ["new"]]


async def test_a_digest_has_as_many_events_as_the_sink_accepts(store: Store, clock: StoppedClock) -> None:
    """
    The other events are in the next digest.
    """
    chat = Chat(clock)
    await put(store, clock, "0")
    async with running(store, clock, chat) as courier:
        await clock.run_to(courier, 10)
        await put(store, clock, *[f"x{number}" for number in range(600)])
        await clock.run_to(courier, 700)
    assert [len(message) for message in chat.messages] == [1, 500, 100]


async def test_a_group_that_does_not_fit_into_a_message_is_still_new(store: Store, clock: StoppedClock) -> None:
    """
    Its first event is in the next message and does not wait for a digest.
    """
    chat = Chat(clock)
    for group in "abcde":
        await put(store, clock, *[f"{group}{number}" for number in range(150)], group=group)
    await put(store, clock, "new", group="f")
    async with running(store, clock, chat) as courier:
        await clock.run_to(courier, 10)
    assert [len(message) for message in chat.messages] == [150, 500, 1]
    assert chat.ids[2] == ["new"]


async def test_failed_attempts_are_at_least_a_second_apart(store: Store, clock: StoppedClock) -> None:
    """
    The second is kept even if the back-off would be shorter; a longer Retry-After is respected.
    """
    chat = Chat(clock, *[BUSY] * 3, TransientError(Reason.RATE_LIMITED, "later", retry_after_s=30))
    await put(store, clock, "1")
    async with running(store, clock, chat) as courier:
        await clock.run_to(courier, 200)
    gaps = [later - early for early, later in zip(chat.attempts_s, chat.attempts_s[1:], strict=False)]
    assert min(gaps) >= 1
    assert gaps[3] == pytest.approx(30)
    assert chat.ids == [["1"]]


async def test_a_failed_message_is_retried_with_newer_events(store: Store, clock: StoppedClock) -> None:
    """
    A failed message counts as not sent: no digest waits for it, and nothing is sent twice.
    """
    chat = Chat(clock, TransientError(Reason.RATE_LIMITED, "later", retry_after_s=20))
    await put(store, clock, "1")
    async with running(store, clock, chat) as courier:
        await clock.run_to(courier, 10)
        await put(store, clock, "2")
        await clock.run_to(courier, 30)
    assert chat.ids == [["1", "2"]]


async def test_an_open_circuit_tries_one_message(store: Store, clock: StoppedClock) -> None:
    """
    A message is one attempt, however many events it contains.
    """
    chat = Chat(clock, *[BUSY] * 5)
    await put(store, clock, "1", "2", "3")
    async with running(store, clock, chat) as courier:
        await clock.run_to(courier, 200)
    assert chat.ids == [["1", "2", "3"]]


async def test_a_refused_message_is_dead_lettered(store: Store, clock: StoppedClock) -> None:
    """
    Its events are not sent one by one, which would flood the chat.
    """
    chat = Chat(clock, BAD)
    await put(store, clock, "1", "2")
    async with running(store, clock, chat) as courier:
        await clock.run_to(courier, 10)
    assert (chat.ids, len(chat.attempts_s), store.depth("chat")) == ([], 1, 0)


async def test_a_waiting_digest_does_not_delay_a_shutdown(store: Store, clock: StoppedClock) -> None:
    """
    A drain waits only for what may be sent now. After a restart, the digest is sent when it is due.
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
def queries(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """
    Return the times at which the courier queried the pending groups.
    """
    found: list[float] = []
    pending_groups = store.pending_groups

    async def counted(sink: str, now_s: float) -> list[PendingGroup]:
        found.append(now_s - BEGIN_S)
        return await pending_groups(sink, now_s)

    monkeypatch.setattr(store, "pending_groups", counted)
    return found


async def test_pending_groups_are_not_queried_while_no_message_may_be_sent(
    store: Store, clock: StoppedClock, queries: list[float]
) -> None:
    """
    In a storm, every commit wakes the courier while many events are pending.
    """
    chat = Chat(clock)
    async with running(store, clock, chat) as courier:
        for number in range(40):
            await put(store, clock, str(number), group=str(number))
            await clock.run_to(courier, number)
    assert len(chat.messages) == 4
    assert len(queries) < 10


async def test_a_failed_digest_does_not_cause_busy_waiting(
    store: Store, clock: StoppedClock, queries: list[float]
) -> None:
    """
    Between the end of its back-off and its turn, the courier does not query again and again.
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
        assert len(queries) < 30
        await clock.run_to(courier, 602)
    assert chat.ids == [["a1"], ["b"], ["a2"]]

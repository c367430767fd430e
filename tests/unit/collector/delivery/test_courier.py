"""
Delivery over a real store, with sinks that fail as told and a clock that moves only when it is waited for.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from collector.delivery import Courier
from collector.metrics import Circuit, Metrics
from collector.store import Store, StoredEvent, StoreUnavailableError
from sinks.base import Outgoing, Sink, SinkConfig
from sinks.errors import DisabledError, PartialError, PermanentError, Reason, TransientError

BUSY = TransientError(Reason.SERVER_ERROR, "busy")
BAD = PermanentError(Reason.REJECTED, "bad")
GONE = DisabledError(Reason.NO_SUCH_TARGET, "gone")


class FakeClock:
    """
    Time passes by being waited for.
    """

    def __init__(self) -> None:
        self.time_s = 1_000_000.0
        self.waits: list[float] = []

    def now_s(self) -> float:
        return self.time_s

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        if seconds is None:
            await event.wait()
            return
        self.waits.append(seconds)
        self.time_s += seconds
        await asyncio.sleep(0)


class ScriptedSink:
    """
    Raises what it was given, one for each send, then takes everything; what is in `poison` it never takes.
    """

    max_batch = 500

    def __init__(self, *failures: Exception, poison: Sequence[str] = ()) -> None:
        self.failures = list(failures)
        self.poison = poison
        self.taken: list[str] = []
        self.sizes: list[int] = []
        self.opened = 0
        self.closed = False

    async def open(self) -> None:
        self.opened += 1

    async def send(self, batch: Sequence[Outgoing]) -> None:
        self.sizes.append(len(batch))
        if self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, PartialError):
                self.taken += [event.id for event in batch if event.id not in failure.failures]
            raise failure
        if any(event.id in self.poison for event in batch):
            raise BAD
        self.taken += [event.id for event in batch]

    async def aclose(self) -> None:
        self.closed = True


class HangingSink(ScriptedSink):
    """
    Never returns from a send.
    """

    async def send(self, batch: Sequence[Outgoing]) -> None:
        await asyncio.Event().wait()


class Highest(random.Random):
    """
    The jitter that waits longest.
    """

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "s.db")
    yield store
    await store.aclose()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(sinks=["a"])


def stored(event_id: str, *sinks: str, key: str = "k") -> StoredEvent:
    return StoredEvent(
        id=event_id,
        type="exit137.oom_kill",
        subject="container/c",
        key=key,
        time_ns=1,
        container_id="c",
        body=b"{}",
        sinks=sinks,
    )


@asynccontextmanager
async def running(
    store: Store, metrics: Metrics, sink: Sink, *, name: str = "a", clock: FakeClock | None = None, **settings: float
) -> AsyncIterator[Courier]:
    """
    A courier at work.
    """
    config = SinkConfig(name=name, type="scripted", **settings)
    courier = Courier(config, sink, store=store, metrics=metrics, clock=clock or FakeClock(), rng=Highest())
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(courier.run())
        yield courier
        task.cancel()


async def until(condition: Callable[[], bool]) -> None:
    """
    Let the others work until it holds.
    """
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 (what is waited for tells nobody)
            await asyncio.sleep(0)


async def deliver(store: Store, metrics: Metrics, sink: ScriptedSink, *ids: str, **settings: float) -> FakeClock:
    """
    Store these, deliver them all, and give the clock.
    """
    clock = FakeClock()
    await store.commit([stored(event_id, "a") for event_id in ids], {})
    async with running(store, metrics, sink, clock=clock, **settings) as courier:
        assert await courier.drain(5)
    return clock


async def test_events_are_delivered_in_order_and_once(store: Store, metrics: Metrics) -> None:
    """
    What a sink has taken waits no more; the sink is closed at the end.
    """
    sink = ScriptedSink()
    await deliver(store, metrics, sink, "1", "2", "3")
    assert sink.taken == ["1", "2", "3"]
    assert store.depth("a") == 0
    assert metrics.value("exit137_sink_sent", "a") == 3
    assert sink.closed


async def test_a_failure_that_may_pass_is_waited_out(store: Store, metrics: Metrics) -> None:
    """
    Each wait is up to twice as long as the one before; the sink is opened anew for each attempt.
    """
    sink = ScriptedSink(BUSY, BUSY, BUSY)
    clock = await deliver(store, metrics, sink, "1", "2")
    assert sink.taken == ["1", "2"]
    assert clock.waits == [1, 2, 4]
    assert sink.opened == 4


async def test_the_longest_wait_is_a_minute(store: Store, metrics: Metrics) -> None:
    """
    However long a sink has been failing.
    """
    clock = await deliver(store, metrics, ScriptedSink(*[BUSY] * 10), "1")
    assert max(clock.waits) == 60


async def test_a_time_that_the_sink_names_is_kept(store: Store, metrics: Metrics) -> None:
    """
    Retry-After goes before our own wait.
    """
    later = TransientError(Reason.RATE_LIMITED, "later", retry_after_s=17)
    clock = await deliver(store, metrics, ScriptedSink(later), "1")
    assert clock.waits == [17]


async def test_a_poison_event_does_not_block_the_rest(store: Store, metrics: Metrics) -> None:
    """
    A batch that is refused for good is sent one by one; only the one that is refused alone is put aside.
    """
    sink = ScriptedSink(poison=["2"])
    await deliver(store, metrics, sink, "1", "2", "3")
    assert sink.taken == ["1", "3"]
    assert metrics.value("exit137_sink_dead", "a") == 1


async def test_of_a_batch_that_failed_in_part_only_the_failed_are_sent_again(store: Store, metrics: Metrics) -> None:
    """
    Each by its own failure: again later, or never.
    """
    sink = ScriptedSink(PartialError({"2": BUSY, "3": BAD}))
    await deliver(store, metrics, sink, "1", "2", "3")
    assert sink.taken == ["1", "2"]
    assert metrics.value("exit137_sink_dead", "a") == 1


async def test_an_event_that_always_fails_does_not_block_the_rest(store: Store, metrics: Metrics) -> None:
    """
    Not even with an open circuit, which tries one event: then it is another's turn.
    """

    class Choking(ScriptedSink):
        async def send(self, batch: Sequence[Outgoing]) -> None:
            if any(event.id == "1" for event in batch):
                raise BUSY
            await super().send(batch)

    sink = Choking()
    events = [stored(str(number), "a", key=f"k{number % 3}") for number in range(1, 10)]
    await store.commit(events, {})
    async with running(store, metrics, sink) as courier:
        await until(lambda: store.depth("a") == 3)
        assert not await courier.drain(0.05)
    assert sink.taken == ["2", "3", "5", "6", "8", "9"]


async def test_a_sink_that_takes_others_is_not_closed_for_one(store: Store, metrics: Metrics) -> None:
    """
    What a batch left behind is tried again soon, however often.
    """
    sink = ScriptedSink(*[PartialError({"1": BUSY})] * 20)
    await store.commit([stored(str(number), "a", key=str(number)) for number in range(1, 41)], {})
    sink.max_batch = 2
    clock = FakeClock()
    async with running(store, metrics, sink, clock=clock) as courier:
        assert await courier.drain(5)
    assert max(clock.waits) == 1
    assert sorted(sink.taken, key=int) == [str(number) for number in range(1, 41)]


async def test_a_person_can_have_it_tried_at_once(store: Store, metrics: Metrics) -> None:
    """
    `exit137 spool requeue` ends the wait of a sink that was to be left alone for minutes.
    """
    sink = ScriptedSink(GONE)
    await store.commit([stored("1", "a")], {})
    config = SinkConfig(name="a", type="scripted")
    courier = Courier(config, sink, store=store, metrics=metrics, rng=Highest())
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(courier.run())
        await until(lambda: courier.health.circuit is Circuit.DISABLED)
        await store.failed("a", ["1"], 0, "no_such_target", "gone")
        courier.retry()
        assert await courier.drain(5)
        task.cancel()
    assert sink.taken == ["1"]


async def test_a_sink_that_asks_for_days_is_asked_again_after_an_hour(store: Store, metrics: Metrics) -> None:
    """
    Whatever a sink reads in an answer, nobody is left alone for longer.
    """
    much_later = TransientError(Reason.RATE_LIMITED, "later", retry_after_s=1e6)
    clock = await deliver(store, metrics, ScriptedSink(much_later), "1")
    assert clock.waits == [3600]


async def test_what_waited_for_the_agent_alone_is_sent(store: Store, metrics: Metrics) -> None:
    """
    An agent that was away for weeks, or a clock that was put right, makes no event too old for a sink that takes it.
    """
    sink = ScriptedSink()
    clock = FakeClock()
    clock.time_s = time.time() + 10 * 604_800
    await store.commit([stored("1", "a")], {})
    async with running(store, metrics, sink, clock=clock) as courier:
        assert await courier.drain(5)
    assert sink.taken == ["1"]


async def test_of_a_batch_the_longest_wait_that_was_asked_for_is_kept(store: Store, metrics: Metrics) -> None:
    """
    Whichever event's answer named it.
    """
    later = TransientError(Reason.RATE_LIMITED, "later", retry_after_s=17)
    clock = await deliver(store, metrics, ScriptedSink(PartialError({"1": later, "2": BUSY})), "1", "2", "3")
    assert clock.waits == [17]


async def test_a_sink_that_asked_for_silence_is_asked_again_after_five_minutes(store: Store, metrics: Metrics) -> None:
    """
    Its events are kept meanwhile.
    """
    sink = ScriptedSink(GONE)
    clock = await deliver(store, metrics, sink, "1")
    assert clock.waits == [300]
    assert sink.taken == ["1"]


async def test_an_error_that_nobody_foresaw_is_tried_again(store: Store, metrics: Metrics) -> None:
    """
    A fault in one sink must not end the agent.
    """
    sink = ScriptedSink(RuntimeError("a fault"))
    await deliver(store, metrics, sink, "1")
    assert sink.taken == ["1"]


async def test_a_hanging_sink_does_not_delay_another(store: Store, metrics: Metrics) -> None:
    """
    Each has a task of its own; a drain ends at its deadline and says that not all is delivered.
    """
    alive, hanging = ScriptedSink(), HangingSink()
    await store.commit([stored("1", "alive", "hanging")], {})
    async with (
        running(store, metrics, alive, name="alive") as one,
        running(store, metrics, hanging, name="hanging") as other,
    ):
        assert not await other.drain(0.2)
        assert await one.drain(5)
    assert alive.taken == ["1"]
    assert store.depth("hanging") == 1


async def test_what_is_stored_later_is_delivered_when_woken(store: Store, metrics: Metrics) -> None:
    """
    The task sleeps until it is told.
    """
    sink = ScriptedSink()
    async with running(store, metrics, sink) as courier:
        assert await courier.drain(5)
        await store.commit([stored("1", "a")], {})
        courier.wake()
        assert await courier.drain(5)
    assert sink.taken == ["1"]


async def test_an_open_circuit_is_tried_with_one_event(store: Store, metrics: Metrics) -> None:
    """
    After five failures; when that one is taken, the rest follow together.
    """
    sink = ScriptedSink(*[BUSY] * 5)
    await deliver(store, metrics, sink, "1", "2", "3")
    assert sink.sizes == [3, 3, 3, 3, 3, 1, 2]


async def test_the_circuit_can_be_seen(store: Store, metrics: Metrics) -> None:
    """
    With the words of the last failure, while it lasts.
    """
    seen: list[tuple[Circuit, str | None]] = []

    class WatchedSink(ScriptedSink):
        async def send(self, batch: Sequence[Outgoing]) -> None:
            seen.append((courier.health.circuit, courier.health.why))
            await super().send(batch)

    await store.commit([stored("1", "a")], {})
    async with running(store, metrics, WatchedSink(*[BUSY] * 5)) as courier:
        assert await courier.drain(5)
        seen.append((courier.health.circuit, courier.health.why))
    assert seen == [
        (Circuit.CLOSED, None),
        *[(Circuit.CLOSED, str(BUSY))] * 4,
        (Circuit.HALF_OPEN, str(BUSY)),
        (Circuit.CLOSED, None),
    ]


async def test_an_event_that_waits_too_long_is_put_aside(store: Store, metrics: Metrics) -> None:
    """
    With the last failure; those that came later are still tried.
    """
    clock = FakeClock()
    clock.time_s = time.time()
    await store.commit([stored("1", "a")], {})
    sink = ScriptedSink(*[BUSY] * 100)
    async with running(store, metrics, sink, clock=clock, give_up_after_s=600) as courier:
        assert await courier.drain(5)
    assert sink.taken == []
    assert metrics.value("exit137_sink_dead", "a") == 1
    assert clock.time_s - time.time() < 700


async def test_a_store_that_fails_is_asked_again(
    store: Store, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    What was sent and could not be noted is not sent a second time.
    """
    refusals = [StoreUnavailableError(Path("s.db"), "disk full")] * 3
    delivered = store.delivered

    async def failing(*args: Any) -> None:  # noqa: ANN401 (passed on)
        if refusals:
            raise refusals.pop()
        await delivered(*args)

    monkeypatch.setattr(store, "delivered", failing)
    sink = ScriptedSink()
    clock = await deliver(store, metrics, sink, "1")
    assert sink.taken == ["1"]
    assert clock.waits == [1, 1, 1]

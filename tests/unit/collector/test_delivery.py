"""
Delivery over a real store, with sinks that fail as told and a clock that moves only when it is waited for.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from collector.delivery import Delivery, SinkState, route
from collector.metrics import Metrics
from collector.store import Store, StoredEvent
from sinks.base import Outgoing, Sink, SinkConfig
from sinks.errors import DisabledError, PartialError, PermanentError, Reason, TransientError
from sinks.event import Cause, Confidence, EcsEvent, Event, EventType, Exit137, Host

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
        self.opened = 0
        self.closed = False

    async def open(self) -> None:
        self.opened += 1

    async def send(self, batch: Sequence[Outgoing]) -> None:
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
async def running(store: Store, clock: FakeClock, metrics: Metrics, **sinks: Sink) -> AsyncIterator[Delivery]:
    delivery = Delivery(store, sinks, metrics, clock, Highest())
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(delivery.run())
        yield delivery
        task.cancel()


async def deliver(store: Store, metrics: Metrics, sink: ScriptedSink, *ids: str) -> FakeClock:
    """
    Store these, deliver them all, and give the clock.
    """
    clock = FakeClock()
    await store.commit([stored(event_id, "a") for event_id in ids], {})
    async with running(store, clock, metrics, a=sink) as delivery:
        assert await delivery.drain(5)
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
    async with running(store, FakeClock(), metrics, alive=alive, hanging=hanging) as delivery:
        assert not await delivery.drain(0.2)
        assert delivery.health["alive"].state is SinkState.UP
    assert alive.taken == ["1"]
    assert store.depth("hanging") == 1


async def test_what_is_stored_later_is_delivered_when_woken(store: Store, metrics: Metrics) -> None:
    """
    The task sleeps until it is told.
    """
    sink = ScriptedSink()
    async with running(store, FakeClock(), metrics, a=sink) as delivery:
        assert await delivery.drain(5)
        await store.commit([stored("1", "a")], {})
        delivery.wake()
        assert await delivery.drain(5)
    assert sink.taken == ["1"]


def event(cause: Cause | None, kind: EventType = EventType.CONTAINER_DEATH) -> Event:
    ecs = EcsEvent(kind="event", category=("process",), type=("end",), action="death", severity=5)
    own = Exit137(cause=cause, confidence=Confidence.CERTAIN)
    return Event(id="1", type=kind, subject="s", time_ns=1, message="m", event=ecs, host=Host(), exit137=own)


@pytest.mark.parametrize(
    ("events", "causes", "taken"),
    [
        (None, None, True),
        (("exit137.container_death",), None, True),
        (("exit137.oom_kill",), None, False),
        (None, ("crash",), True),
        (None, ("exit",), False),
        (("exit137.container_death",), ("exit",), False),
    ],
)
def test_a_sink_gets_what_both_its_filters_let_pass(
    events: tuple[str, ...] | None, causes: tuple[str, ...] | None, taken: bool
) -> None:
    """
    No filter lets everything pass.
    """
    config = SinkConfig(name="a", type="stdout", events=events, causes=causes)
    assert route(event(Cause.CRASH), [config]) == (("a",) if taken else ())


def test_an_event_without_a_cause_passes_every_filter_of_causes() -> None:
    """
    Word of lost evidence must not be filtered away by accident.
    """
    config = SinkConfig(name="a", type="stdout", causes=("crash",))
    assert route(event(None, EventType.AGENT), [config]) == ("a",)

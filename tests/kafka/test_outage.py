"""
From the store to a real broker that is killed, frozen, and whose topic is deleted: nothing is lost, order is kept.
"""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collector.metrics import Circuit
from tests.kafka.broker import Broker, broker
from tests.kafka.delivering import Delivering, delivering
from tests.kafka.events import disordered, events
from tests.kafka.place import Place
from tests.kafka.reader import Arrived

EVENTS = 600
AT_ONCE = 20
TIMEOUT_S = 2


@pytest.fixture(scope="module")
def fragile(running: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """
    A broker of its own, which makes no topic by itself.
    """
    with broker(tmp_path_factory.mktemp("fragile"), {"auto.create.topics.enable": "false"}) as found:
        yield found


@pytest.fixture
def place(fragile: Broker, topic: str) -> Place:
    fragile.create(topic, partitions=3)
    return Place(broker=fragile, topic=topic)


async def put(to: Delivering, numbers: range) -> None:
    """
    A few at a time, so that some are on their way at any time.
    """
    for start in range(numbers.start, numbers.stop, AT_ONCE):
        await to.put(events(range(start, min(start + AT_ONCE, numbers.stop)), keys=7))
        await asyncio.sleep(0.01)


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 (nothing tells of it)
        await asyncio.sleep(0.05)


def complete(arrived: list[Arrived], count: int = EVENTS) -> None:
    """
    Each at least once, those of a container for the first time in order.
    """
    assert sorted({record.id for record in arrived}) == [item.id for item in events(range(count))]
    assert disordered((record.key, record.id) for record in arrived) == []


async def test_a_broker_that_is_killed_and_comes_back_gets_everything(place: Place, tmp_path: Path) -> None:
    """
    Killed while events are on their way; what it had acknowledged does not come again.
    """
    async with delivering(tmp_path, place.config(timeout_s=TIMEOUT_S)) as to:
        await put(to, range(200))
        place.broker.kill()
        await put(to, range(200, 400))
        await until(lambda: to.courier.health.why is not None)
        await asyncio.to_thread(place.broker.start)
        await put(to, range(400, EVENTS))
        assert await to.courier.drain(60)
        assert to.courier.health.circuit is Circuit.CLOSED
    arrived = place.arrived(EVENTS)
    complete(arrived)
    assert len(arrived) - EVENTS <= 500


@pytest.mark.parametrize("idempotent", [True, False])
async def test_a_broker_that_is_frozen_for_several_deadlines_gets_everything(
    place: Place, tmp_path: Path, idempotent: bool
) -> None:
    """
    Its connections stay open and nobody answers. What it had read before comes twice, and after that nothing too early.
    """
    async with delivering(tmp_path, place.config(timeout_s=TIMEOUT_S, idempotent=idempotent)) as to:
        await put(to, range(200))
        with place.broker.frozen():
            await put(to, range(200, 400))
            await until(lambda: to.courier.health.why is not None)
            await asyncio.sleep(3 * TIMEOUT_S)
        await put(to, range(400, EVENTS))
        assert await to.courier.drain(60)
    complete(place.arrived(EVENTS))


async def test_the_agent_can_be_stopped_while_the_broker_is_frozen(place: Place, tmp_path: Path) -> None:
    """
    In seconds, though events are on their way; they wait for the next start.
    """
    async with asyncio.timeout(20):
        async with delivering(tmp_path, place.config(timeout_s=25)) as to:
            await put(to, range(20))
            assert await to.courier.drain(10)
            with place.broker.frozen():
                await put(to, range(20, 40))
                await asyncio.sleep(1)
                to.task.cancel()
                async with asyncio.timeout(4):
                    await asyncio.wait([to.task])
    async with delivering(tmp_path, place.config()) as to:
        assert await to.courier.drain(20)
    complete(place.arrived(40), 40)


async def test_a_topic_that_is_deleted_is_seen_and_its_events_wait(place: Place, tmp_path: Path) -> None:
    """
    The sink says what is missing, as long as it is; a topic that is made again gets what has waited.
    """
    async with delivering(tmp_path, place.config(timeout_s=TIMEOUT_S)) as to:
        await put(to, range(100))
        assert await to.courier.drain(20)
        await asyncio.to_thread(place.broker.delete, place.topic)
        await put(to, range(100, 200))
        await until(lambda: to.courier.health.circuit is Circuit.DISABLED)
        assert "no_such_target" in str(to.courier.health.why)
        assert to.store.depth("bus") == 100
        await asyncio.to_thread(place.broker.create, place.topic, 3)
        assert await to.courier.drain(20)
    assert sorted(record.id for record in place.arrived(100)) == [item.id for item in events(range(100, 200))]

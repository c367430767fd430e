"""
Tests of delivery to a real broker that is killed or frozen, or whose topic is deleted: no event is lost, and order is
kept.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.delivery import Circuit
from tests.kafka.broker import Broker, broker
from tests.kafka.reader import Arrived
from tests.kafka.target import Target
from tests.lab.waiting import eventually
from tests.shared.delivering import Delivering, delivering
from tests.shared.numbered import disordered, events

EVENTS = 600
AT_ONCE = 20
TIMEOUT_S = 2


@pytest.fixture(scope="module")
def fragile(running: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """
    A separate broker, which does not create topics by itself.
    """
    with broker(tmp_path_factory.mktemp("fragile"), {"auto.create.topics.enable": "false"}) as found:
        yield found


@pytest.fixture
def target(fragile: Broker, topic: str) -> Target:
    fragile.create(topic, partitions=3)
    return Target(broker=fragile, topic=topic)


async def put(to: Delivering, numbers: range) -> None:
    """
    Store a few events at a time, so that some are in flight at any time.
    """
    for start in range(numbers.start, numbers.stop, AT_ONCE):
        await to.put(events(range(start, min(start + AT_ONCE, numbers.stop)), keys=7))
        await asyncio.sleep(0.01)


def complete(arrived: list[Arrived], count: int = EVENTS) -> None:
    """
    Assert that each event arrived at least once, and those of a container for the first time in order.
    """
    assert sorted({record.id for record in arrived}) == [item.id for item in events(range(count))]
    assert disordered((record.key, record.id) for record in arrived) == []


async def test_a_broker_that_is_killed_and_comes_back_gets_everything(target: Target, tmp_path: Path) -> None:
    """
    A broker that is killed while events are in flight gets everything after its restart, and nothing again that it had
    acknowledged.
    """
    async with delivering(tmp_path, target.config(timeout_s=TIMEOUT_S)) as to:
        await put(to, range(200))
        target.broker.kill()
        await put(to, range(200, 400))
        await eventually(lambda: to.courier.health.why is not None, 60, "the delivery fails")
        await asyncio.to_thread(target.broker.start)
        await put(to, range(400, EVENTS))
        assert await to.courier.drain(60)
        assert to.courier.health.circuit is Circuit.CLOSED
    arrived = target.arrived(EVENTS)
    complete(arrived)
    assert len(arrived) - EVENTS <= 500


@pytest.mark.parametrize("idempotent", [True, False])
async def test_a_broker_that_is_frozen_for_several_deadlines_gets_everything(
    target: Target, tmp_path: Path, idempotent: bool
) -> None:
    """
    A frozen broker gets everything afterwards; what it had read may come twice, but nothing comes too early.
    """
    async with delivering(tmp_path, target.config(timeout_s=TIMEOUT_S, idempotent=idempotent)) as to:
        await put(to, range(200))
        with target.broker.frozen():
            await put(to, range(200, 400))
            await eventually(lambda: to.courier.health.why is not None, 60, "the delivery fails")
            await asyncio.sleep(3 * TIMEOUT_S)
        await put(to, range(400, EVENTS))
        assert await to.courier.drain(60)
    complete(target.arrived(EVENTS))


async def test_the_agent_can_be_stopped_while_the_broker_is_frozen(target: Target, tmp_path: Path) -> None:
    """
    The agent stops within seconds although events are in flight; they wait for the next start.
    """
    async with asyncio.timeout(20):
        async with delivering(tmp_path, target.config(timeout_s=25)) as to:
            await put(to, range(20))
            assert await to.courier.drain(10)
            with target.broker.frozen():
                await put(to, range(20, 40))
                await asyncio.sleep(1)
                to.task.cancel()
                async with asyncio.timeout(4):
                    await asyncio.wait([to.task])
    async with delivering(tmp_path, target.config()) as to:
        assert await to.courier.drain(20)
    complete(target.arrived(40), 40)


async def test_the_events_of_a_deleted_topic_wait(target: Target, tmp_path: Path) -> None:
    """
    While the topic is missing the sink is disabled and says why; a topic that is created again gets the waiting events.
    """
    async with delivering(tmp_path, target.config(timeout_s=TIMEOUT_S)) as to:
        await put(to, range(100))
        assert await to.courier.drain(20)
        await asyncio.to_thread(target.broker.delete, target.topic)
        await put(to, range(100, 200))
        await eventually(lambda: to.courier.health.circuit is Circuit.DISABLED, 60, "the sink is disabled")
        assert "no_such_target" in str(to.courier.health.why)
        assert to.store.depth("bus") == 100
        await asyncio.to_thread(target.broker.create, target.topic, 3)
        assert await to.courier.drain(20)
    assert sorted(record.id for record in target.arrived(100)) == [item.id for item in events(range(100, 200))]

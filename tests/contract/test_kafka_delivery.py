"""
From a real store through real delivery to brokers that fail at random: nothing is lost, and order is kept.
"""

import asyncio
import random
from pathlib import Path

import pytest

from sinks.kafka import KafkaConfig
from tests.kafka.reader import read
from tests.shared.delivering import delivering
from tests.shared.numbered import disordered, events
from tests.unit.sinks.kafka.mock import Api, Cluster, Code, cluster

pytestmark = pytest.mark.slow

TOPIC = "t"
EVENTS = 2000
# Not those that refuse a record for ever.
FAULTS = [code for code in Code if code not in (Code.MESSAGE_TOO_LARGE, Code.INVALID_RECORD)]


async def disturb(brokers: Cluster, rng: random.Random) -> None:
    """
    Make requests fail, or take away the leader of a partition for a while, again and again.
    """
    while True:
        if rng.random() < 0.2:
            with brokers.without_leader(TOPIC, rng.randrange(3)):
                await asyncio.sleep(0.3)
        else:
            brokers.fail(Api.PRODUCE, *rng.choices(FAULTS, k=rng.randint(1, 3)))
        await asyncio.sleep(rng.uniform(0, 0.1))


async def test_through_all_faults_each_event_arrives_in_its_order(tmp_path: Path) -> None:
    """
    No later event of a container is written before one that failed.
    """
    rng = random.Random(137)  # noqa: S311 (not a secret)
    with cluster() as brokers:
        brokers.create(TOPIC, partitions=3)
        config = KafkaConfig(
            name="bus",
            type="kafka",
            bootstrap_servers=brokers.servers,
            topic=TOPIC,
            timeout_s=2,
            # Several batches for each partition.
            max_request_bytes=2000,
        )
        async with delivering(tmp_path, config) as to, asyncio.TaskGroup() as tasks:
            noise = tasks.create_task(disturb(brokers, rng))
            for start in range(0, EVENTS, 100):
                await to.put(events(range(start, start + 100), keys=7))
                await asyncio.sleep(0.1)
            noise.cancel()
            assert await to.courier.drain(40)
            assert to.store.depth("bus") == 0
        arrived = read(brokers.servers[0], TOPIC, EVENTS)
    assert sorted({record.id for record in arrived}) == [item.id for item in events(range(EVENTS))]
    assert disordered((record.key, record.id) for record in arrived) == []

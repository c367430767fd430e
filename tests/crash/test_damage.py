"""
The store is damaged while an agent is running.
"""

import asyncio
import json
from pathlib import Path

import pytest

from collector.store import Store, StoredEvent
from tests.crash.agent import configuration, running, until
from tests.crash.receiver import Receiver

pytestmark = pytest.mark.slow

COUNT = 3000
PAGE_BYTES = 4096
# Every 97th page is damaged: far more than the agent keeps in memory, and few enough that most events are left.
EVERY = 97


def event(number: int) -> StoredEvent:
    victims = [{"pid": number, "container_id": "c"}]
    body = {"id": str(number), "text": "x" * 3000, "data": {"exit137": {"oom": {"victims": victims}}}}
    return StoredEvent(
        id=str(number),
        type="exit137.oom_kill",
        subject="container/c",
        key=str(number % 50),
        time_ns=1,
        container_id="c",
        body=json.dumps(body).encode(),
        sinks=("hook",),
    )


async def fill(path: Path) -> None:
    store = await Store.open(path)
    await store.commit([event(number) for number in range(COUNT)], {})
    await store.aclose()


def damage(path: Path) -> None:
    pages = path.stat().st_size // PAGE_BYTES
    with path.open("r+b") as file:
        for page in range(EVERY, pages, EVERY):
            file.seek(page * PAGE_BYTES)
            file.write(b"\xa5" * PAGE_BYTES)


@pytest.mark.timeout(120)
def test_the_agent_ends_and_its_next_start_delivers_what_is_readable(tmp_path: Path) -> None:
    """
    The agent ends once: when the service manager starts it again, it keeps running.
    """
    asyncio.run(fill(tmp_path / "s.db"))
    with Receiver() as receiver:
        config = configuration(
            tmp_path, f'name = "hook"\ntype = "webhook"\nurl = "{receiver.url}"\nevents = ["exit137.oom_kill"]'
        )
        receiver.status = 503
        with running(config) as agent:
            until(lambda: receiver.refused > 3)
            damage(tmp_path / "s.db")
            receiver.status = 204
            assert agent.wait(60) == 1
        with running(config) as agent:
            until(lambda: len({arrival.id for arrival in receiver.arrivals}) > COUNT * 0.9)
            assert agent.poll() is None

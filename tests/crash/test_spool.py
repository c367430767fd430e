"""
`exit137 spool` next to a running agent.
"""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from collector.cli import main
from collector.store import Store, StoredEvent
from tests.crash.agent import configuration, running, until
from tests.crash.receiver import Receiver

pytestmark = pytest.mark.slow


def event(event_id: str) -> StoredEvent:
    victims = [{"pid": 4123, "container_id": "c"}]
    body = json.dumps({"id": event_id, "data": {"exit137": {"oom": {"victims": victims}}}}).encode()
    return StoredEvent(
        id=event_id,
        type="exit137.oom_kill",
        subject="container/c",
        key="c",
        time_ns=1,
        container_id="c",
        body=body,
        sinks=("hook",),
    )


async def fill(path: Path) -> None:
    """
    Store one pending event and one dead letter.
    """
    store = await Store.open(path)
    await store.commit([event("aa-1"), event("bb-2")], {})
    await store.dead_letter("hook", "aa-1", "too_large", "2000000 bytes")
    await store.aclose()


def is_delayed(path: Path) -> bool:
    """
    Return whether the agent has noted that the sink refused the event.
    """
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT 1 FROM outbox WHERE retry_at_s > 0").fetchone() is not None


@pytest.mark.timeout(90)
def test_requeue_ends_the_wait_of_a_running_agent(tmp_path: Path) -> None:
    """
    A disabled sink is left alone for five minutes. An operator who repaired it does not have to wait.
    """
    asyncio.run(fill(tmp_path / "s.db"))
    with Receiver() as receiver:
        config = configuration(
            tmp_path, f'name = "hook"\ntype = "webhook"\nurl = "{receiver.url}"\nevents = ["exit137.oom_kill"]'
        )
        receiver.status = 410
        with running(config):
            until(lambda: is_delayed(tmp_path / "s.db"))
            receiver.status = 204
            result = CliRunner().invoke(main, ["spool", "requeue", "--config", str(config), "--sink", "hook"])
            assert result.output == "2 requeued\n"
            until(lambda: len(receiver.arrivals) == 2)
    assert [arrival.id for arrival in receiver.arrivals] == ["aa-1", "bb-2"]

"""
The agent is killed with SIGKILL while it notifies people.
"""

from pathlib import Path
from typing import Final

import pytest

from collector.store import Store
from tests.crash.agent import configuration, running
from tests.lab.waiting import eventually
from tests.shared.delivering import stored
from tests.shared.numbered import event
from tests.shared.people import Ntfy, ntfy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

PATIENCE_S: Final = 120.0
EVENTS: Final = [event(number, f"e{number:05}") for number in range(3)]


async def died(config: Path, step: str) -> None:
    with running(config, step) as agent:
        await eventually(lambda: agent.poll() is not None, PATIENCE_S, "the agent is dead")


async def test_each_notification_arrives_and_only_the_one_in_flight_twice(tmp_path: Path) -> None:
    """
    Killed before the first message, and then when the service has it and the store does not know yet.
    """
    store = await Store.open(tmp_path / "s.db")
    await store.commit([stored(item) for item in EVENTS], {})
    await store.aclose()
    async with ntfy() as server:
        config = configuration(tmp_path, sink(tmp_path, server))
        await died(config, "before a notification is sent")
        assert server.names() == []
        await died(config, "after a notification is sent")
        assert server.names() == ["e00000"]
        with running(config):
            await eventually(lambda: len(set(server.names())) == len(EVENTS), PATIENCE_S, "everybody is notified")
    assert server.names() == ["e00000", *(item.id for item in EVENTS)]


def sink(folder: Path, server: Ntfy) -> str:
    """
    Return a sink that sends at most a message a second, as TOML.
    """
    (folder / "url").write_text(server.url)
    return (
        f'name = "bus"\ntype = "apprise"\nurl_file = "{folder}/url"\n[sinks.grouping]\ninterval_s = 1\nburst = 1000\n'
    )

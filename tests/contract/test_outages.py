"""
From a real store through the real delivery to receivers that go away: what is stored meanwhile arrives afterwards.

opensearch, syslog, kafka and alertmanager have this test with the real servers.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from collector.delivery import Circuit
from sinks.base import Outgoing, SinkConfig
from sinks.otlp import OtlpConfig
from sinks.secret import Secret
from sinks.splunk_hec import SplunkConfig
from tests.lab.waiting import eventually
from tests.shared.delivering import delivering
from tests.shared.numbered import event
from tests.shared.people import apprise, ntfy
from tests.shared.ports import free_ports
from tests.unit.sinks.otlp.endpoint import endpoint
from tests.unit.sinks.splunk_hec.collector import TOKEN, collector

pytestmark = pytest.mark.slow

PATIENCE_S: Final = 50


class Otlp:
    """
    An endpoint of OTLP.
    """

    events = 100

    def __init__(self, _: Path) -> None:
        (self._port,) = free_ports(1)
        self.config: SinkConfig = OtlpConfig(name="bus", type="otlp", url=Secret(f"http://127.0.0.1:{self._port}/"))
        self.arrived: list[str] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with endpoint(self._port) as found:
            yield
        self.arrived += [event_id for ids in found.requests for event_id in ids]


class Splunk:
    """
    A collector of Splunk.
    """

    events = 100

    def __init__(self, folder: Path) -> None:
        (self._port,) = free_ports(1)
        (folder / "token").write_text(TOKEN)
        self.config: SinkConfig = SplunkConfig(
            name="bus",
            type="splunk_hec",
            url=Secret(f"http://127.0.0.1:{self._port}/"),
            token_file=str(folder / "token"),
        )
        self.arrived: list[str] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with collector(self._port) as found:
            yield
        self.arrived += found.indexed


class People:
    """
    A server like ntfy; each event is of another container, and so a message of its own.
    """

    events = 1

    def __init__(self, folder: Path) -> None:
        (self._port,) = free_ports(1)
        self.config: SinkConfig = apprise(folder, f"ntfy://127.0.0.1:{self._port}/t")
        self.arrived: list[str] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with ntfy(self._port) as found:
            yield
        self.arrived += found.names()


def numbered(numbers: Iterable[int]) -> list[Outgoing]:
    """
    Return events of as many containers, which are named like the ids.
    """
    return [event(number, f"e{number:05}") for number in numbers]


@pytest.mark.parametrize("place", [Otlp, Splunk, People])
async def test_what_is_stored_while_the_receiver_is_away_arrives_when_it_is_back(
    tmp_path: Path, place: type[Otlp | Splunk | People]
) -> None:
    """
    Each event once, and the circuit is closed again.
    """
    there = place(tmp_path)
    count = there.events
    async with delivering(tmp_path, there.config) as to:
        async with there.running():
            await to.put(numbered(range(count)))
            await eventually(lambda: to.store.depth("bus") == 0, PATIENCE_S, "the first events are delivered")
        await to.put(numbered(range(count, 2 * count)))
        await eventually(lambda: to.courier.health.why is not None, PATIENCE_S, "the delivery fails")
        assert to.store.depth("bus") == count
        async with there.running():
            await to.put(numbered(range(2 * count, 2 * count + 1)))
            await eventually(lambda: to.store.depth("bus") == 0, PATIENCE_S, "everything is delivered")
        assert to.courier.health.circuit is Circuit.CLOSED
    assert sorted(there.arrived) == [item.id for item in numbered(range(2 * count + 1))]

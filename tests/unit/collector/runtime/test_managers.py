"""
What a reload starts, stops and leaves alone.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest

from collector.config.loader import ConfigurationError, parse
from collector.config.sections import Config, HttpConfig
from collector.host.clock import identify
from collector.metrics import Metrics
from collector.runtime.http_manager import HttpManager
from collector.runtime.http_server import Api, Response
from collector.runtime.managers import SinkManager, SourceManager
from collector.sources.base import Reading
from collector.store import Store, StoredEvent
from tests.shared.ports import free_ports

OFF = {name: {"enabled": False} for name in ("journald", "docker", "processes", "trace", "cgroups", "memory", "stops")}


def configured(folder: Path, *sinks: str, kmsg: str = "kmsg") -> Config:
    """
    Return a configuration with file sinks of these names and a file as the kernel log.
    """
    tables = [{"name": name, "type": "file", "path": str(folder / f"{name}.jsonl")} for name in sinks]
    return parse({"sources": {**OFF, "kmsg": {"path": str(folder / kmsg)}}, "sinks": tables}, "test")


def stored(event_id: str, *sinks: str) -> StoredEvent:
    kind, body = "exit137.agent", b'{"id":"%s"}' % event_id.encode()
    return StoredEvent(
        id=event_id, type=kind, subject="a", key="a", time_ns=1, container_id=None, body=body, sinks=sinks
    )


def written(folder: Path) -> dict[str, list[str]]:
    """
    Return the ids of the events in the file of each sink.
    """
    return {
        path.stem: [json.loads(line)["id"] for line in path.read_text().splitlines()] for path in folder.glob("*.jsonl")
    }


class AlwaysReady:
    """
    The health check of an agent that works.
    """

    def readiness(self) -> tuple[bool, Sequence[str]]:
        return True, ()

    async def refresh_metrics(self) -> None:
        return None


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "s.db")
    yield store
    await store.aclose()


async def ignore(_source: str, _reading: Reading) -> None:
    return None


async def test_a_sink_that_stays_is_not_touched(store: Store, tmp_path: Path) -> None:
    """
    One sink is removed, one is added, and the one that stays keeps its courier. The new one gets its events.
    """
    metrics = Metrics()
    async with asyncio.TaskGroup() as tasks:
        sinks = SinkManager(store, metrics, tasks)
        await sinks.apply(configured(tmp_path, "old", "stays").sinks)
        await store.commit([stored("1", "old", "stays")], {})
        assert await sinks.drain(5)
        health = sinks.health["stays"]
        await sinks.apply(configured(tmp_path, "stays", "new").sinks)
        await store.commit([stored("2", "stays", "new")], {})
        assert await sinks.drain(5)
        assert sinks.health.keys() == {"stays", "new"}
        assert sinks.health["stays"] is health
        await sinks.stop()
    assert written(tmp_path) == {"old": ["1"], "stays": ["1", "2"], "new": ["2"]}
    assert metrics.value("exit137_sink_attempts", "stays") == 2
    assert metrics.value("exit137_sink_depth", "old") is None


async def test_a_sink_whose_configuration_changed_is_restarted(store: Store, tmp_path: Path) -> None:
    """
    Events belong to the name of a sink, wherever it sends them.
    """
    async with asyncio.TaskGroup() as tasks:
        sinks = SinkManager(store, Metrics(), tasks)
        await sinks.apply(configured(tmp_path, "a").sinks)
        await store.commit([stored("1", "a")], {})
        assert await sinks.drain(5)
        await sinks.apply(configured(tmp_path / "elsewhere", "a").sinks)
        await store.commit([stored("2", "a")], {})
        assert await sinks.drain(5)
        await sinks.stop()
    assert written(tmp_path) == {"a": ["1"]}
    assert written(tmp_path / "elsewhere") == {"a": ["2"]}


async def test_events_of_a_former_sink_are_dead_lettered_after_a_week(tmp_path: Path) -> None:
    """
    They would fill the store for ever. Until then the sink may come back under its name.
    """
    week_s = 604_800
    store = await Store.open(tmp_path / "s.db", wall_ns=lambda: 0)
    await store.commit([stored("1", "gone", "here")], {})
    now_s = [week_s - 1.0]
    async with asyncio.TaskGroup() as tasks:
        sinks = SinkManager(store, Metrics(), tasks, wall_s=lambda: now_s[0])
        await sinks.expire_orphans()
        assert store.depth("gone") == 1
        await sinks.apply(configured(tmp_path, "here").sinks)
        now_s[0] += week_s
        await sinks.expire_orphans()
        assert await sinks.drain(5)
        await sinks.stop()
    assert store.depth("gone") == 0
    assert written(tmp_path) == {"here": ["1"]}
    await store.aclose()


async def test_a_source_that_stays_is_not_touched(store: Store, tmp_path: Path) -> None:
    """
    A source whose configuration changed is restarted; one that is switched off is stopped.
    """
    for name in ("kmsg", "other"):
        (tmp_path / name).touch()
    async with asyncio.TaskGroup() as tasks:
        sources = SourceManager(identify(), ignore, store.positions, tasks)
        await sources.apply(configured(tmp_path).sources)
        [first] = sources.supervisors
        await sources.apply(configured(tmp_path, "a sink more").sources)
        assert sources.supervisors == [first]
        await sources.apply(configured(tmp_path, kmsg="other").sources)
        [second] = sources.supervisors
        assert second is not first
        await sources.apply(parse({"sources": {**OFF, "kmsg": {"enabled": False}}}, "test").sources)
        assert sources.supervisors == []


async def test_a_reload_finds_a_source_that_has_appeared(store: Store, tmp_path: Path) -> None:
    """
    A source that the host did not offer at the start is started by a reload once the host offers it.
    """
    async with asyncio.TaskGroup() as tasks:
        sources = SourceManager(identify(), ignore, store.positions, tasks)
        await sources.apply(configured(tmp_path).sources)
        assert sources.supervisors == []
        (tmp_path / "kmsg").touch()
        await sources.apply(configured(tmp_path).sources)
        assert [supervisor.state.name for supervisor in sources.supervisors] == ["kmsg"]
        await sources.stop()


async def test_an_address_that_is_not_available_changes_nothing() -> None:
    """
    The old server goes on if the new address cannot be used.
    """
    http = HttpManager(Metrics(), AlwaysReady(), _no_api)
    port, other = free_ports(2)
    with socket.create_server(("127.0.0.1", other)):
        await http.apply(HttpConfig(listen=f"127.0.0.1:{port}"))
        with pytest.raises(ConfigurationError, match=r"http\.listen"):
            await http.apply(HttpConfig(listen=f"127.0.0.1:{other}"))
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()
    await writer.wait_closed()
    await http.stop()


def _no_api() -> Api:
    raise AssertionError


class ClosedApi:
    """
    Counts how often it is closed; nothing is asked.
    """

    closed = 0

    def close(self) -> None:
        self.closed += 1

    async def answer(self, path: str, parameters: Mapping[str, str], last_event_id: str | None) -> Response:
        raise AssertionError((path, parameters, last_event_id))


async def test_the_api_can_be_switched_on_and_off_by_a_reload(tmp_path: Path) -> None:
    """
    The same address is used again, and the socket comes and goes.
    """
    made: list[ClosedApi] = []

    def make() -> Api:
        made.append(ClosedApi())
        return made[-1]

    http = HttpManager(Metrics(), AlwaysReady(), make)
    (port,) = free_ports(1)
    listen, path = f"127.0.0.1:{port}", tmp_path / "api.sock"
    await http.apply(HttpConfig(listen=listen))
    assert made == []
    await http.apply(HttpConfig(listen=listen, api=True, socket=str(path)))
    assert path.is_socket()
    assert len(made) == 1
    with pytest.raises(ConfigurationError, match="cannot be read"):
        await http.apply(HttpConfig(listen=listen, api=True, token_file=str(tmp_path / "none")))
    await http.apply(HttpConfig(listen=listen))
    assert not path.exists()
    assert [api.closed for api in made] == [0]
    await http.stop()
    await http.stop()
    assert [api.closed for api in made] == [1]

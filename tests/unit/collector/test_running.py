"""
What a reload touches, and what it leaves alone.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from collector.config import Config, ConfigurationError, HttpConfig, parse
from collector.hostclock import identify
from collector.http import HttpServer
from collector.metrics import Metrics
from collector.running import RunningHttp, RunningSinks, RunningSources
from collector.sources.base import Reading
from collector.store import Store, StoredEvent

OFF = {name: {"enabled": False} for name in ("journald", "docker", "processes", "trace", "cgroups", "memory")}


def configured(folder: Path, *sinks: str, kmsg: str = "kmsg") -> Config:
    """
    File sinks of these names, and a kernel log that is a file.
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
    Per file sink the ids of the events in its file.
    """
    return {
        path.stem: [json.loads(line)["id"] for line in path.read_text().splitlines()] for path in folder.glob("*.jsonl")
    }


class Health:
    """
    Of an agent that does its work.
    """

    def readiness(self) -> tuple[bool, Sequence[str]]:
        return True, ()

    async def look(self) -> None:
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
    One goes, one comes, and the one between goes on; what the new one is owed is sent.
    """
    metrics = Metrics()
    async with asyncio.TaskGroup() as tasks:
        sinks = RunningSinks(store, metrics, tasks)
        await sinks.apply(configured(tmp_path, "old", "stays").sinks)
        await store.commit([stored("1", "old", "stays")], {})
        assert await sinks.drain(5)
        health = sinks.health["stays"]
        await sinks.apply(configured(tmp_path, "stays", "new").sinks)
        await store.commit([stored("2", "stays", "new")], {})
        assert await sinks.drain(5)
        assert sinks.health.keys() == {"stays", "new"}
        assert sinks.health["stays"] is health
        await sinks.end()
    assert written(tmp_path) == {"old": ["1"], "stays": ["1", "2"], "new": ["2"]}
    assert metrics.value("exit137_sink_attempts", "stays") == 2
    assert metrics.value("exit137_sink_depth", "old") is None


async def test_a_sink_that_is_configured_otherwise_starts_again(store: Store, tmp_path: Path) -> None:
    """
    Its events wait under its name, wherever it sends them.
    """
    async with asyncio.TaskGroup() as tasks:
        sinks = RunningSinks(store, Metrics(), tasks)
        await sinks.apply(configured(tmp_path, "a").sinks)
        await store.commit([stored("1", "a")], {})
        assert await sinks.drain(5)
        await sinks.apply(configured(tmp_path / "elsewhere", "a").sinks)
        await store.commit([stored("2", "a")], {})
        assert await sinks.drain(5)
        await sinks.end()
    assert written(tmp_path) == {"a": ["1"]}
    assert written(tmp_path / "elsewhere") == {"a": ["2"]}


async def test_what_waits_for_a_sink_of_the_past_is_put_aside_after_a_week(tmp_path: Path) -> None:
    """
    It would hold its place in the store for ever; until then the sink may come back under its name.
    """
    week_s = 604_800
    store = await Store.open(tmp_path / "s.db", wall_ns=lambda: 0)
    await store.commit([stored("1", "gone", "here")], {})
    now_s = [week_s - 1.0]
    async with asyncio.TaskGroup() as tasks:
        sinks = RunningSinks(store, Metrics(), tasks, wall_s=lambda: now_s[0])
        await sinks.expire_orphans()
        assert store.depth("gone") == 1
        await sinks.apply(configured(tmp_path, "here").sinks)
        now_s[0] += week_s
        await sinks.expire_orphans()
        assert await sinks.drain(5)
        await sinks.end()
    assert store.depth("gone") == 0
    assert written(tmp_path) == {"here": ["1"]}
    await store.aclose()


async def test_a_source_that_stays_is_not_touched(store: Store, tmp_path: Path) -> None:
    """
    One that is configured otherwise starts again; one that is switched off ends.
    """
    for name in ("kmsg", "other"):
        (tmp_path / name).touch()
    async with asyncio.TaskGroup() as tasks:
        sources = RunningSources(identify(), ignore, store.positions, tasks)
        await sources.apply(configured(tmp_path).sources)
        [first] = sources.supervisors
        await sources.apply(configured(tmp_path, "a sink more").sources)
        assert sources.supervisors == [first]
        await sources.apply(configured(tmp_path, kmsg="other").sources)
        [second] = sources.supervisors
        assert second is not first
        await sources.apply(parse({"sources": {**OFF, "kmsg": {"enabled": False}}}, "test").sources)
        assert sources.supervisors == []


async def test_a_source_is_looked_for_again(store: Store, tmp_path: Path) -> None:
    """
    What this host did not offer at the start it may offer now.
    """
    async with asyncio.TaskGroup() as tasks:
        sources = RunningSources(identify(), ignore, store.positions, tasks)
        await sources.apply(configured(tmp_path).sources)
        assert sources.supervisors == []
        (tmp_path / "kmsg").touch()
        await sources.apply(configured(tmp_path).sources)
        assert [supervisor.state.name for supervisor in sources.supervisors] == ["kmsg"]
        await sources.end()


async def test_an_address_that_cannot_be_had_changes_nothing() -> None:
    """
    The old server answers on.
    """
    health = Health()
    made: list[HttpServer] = []

    def make(listen: str) -> HttpServer:
        made.append(HttpServer(listen, Metrics(), health))
        return made[-1]

    http = RunningHttp(make)
    await http.apply(HttpConfig(listen="127.0.0.1:0"))
    with pytest.raises(ConfigurationError, match=r"http\.listen"):
        await http.apply(HttpConfig(listen=f"127.0.0.1:{made[0].port}"))
    await http.apply(HttpConfig(listen="127.0.0.1:0"))
    assert len(made) == 2
    _, writer = await asyncio.open_connection("127.0.0.1", made[0].port)
    writer.close()
    await writer.wait_closed()
    await http.end()

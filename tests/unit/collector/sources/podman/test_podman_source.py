"""
Tests of the Podman source with engines in memory: which it follows, and what it makes of their facts.
"""

import socket
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from collector.config.sources import DockerConfig, PodmanConfig
from collector.facts.observed import DockerDaemonFact, SnapshotFact
from collector.facts.restored import RestoredRunFact
from collector.facts.watermark import WatermarkFact
from collector.sources.base import SourceError, SourceMissingError
from collector.sources.docker.snapshots import owner_of
from collector.sources.docker.source import DockerSource
from collector.sources.podman.places import ENGINES_AT_MOST, places, sockets
from collector.sources.podman.source import PodmanSource
from parsers.docker_event import DockerEvent
from parsers.engine import ContainerEngine, EngineName
from tests.unit.collector.sources.devices import Engine
from tests.unit.collector.sources.docker.readings import has, until

A, B = "a" * 64, "b" * 64
NOW_NS = 1_795_000_000_000_000_000
ROOTS = "unix:///run/podman/podman.sock"
USERS = "unix:///run/user/1000/podman/podman.sock"


class Host:
    """
    The engines of a host by URL; a test adds and removes them while the source runs.
    """

    def __init__(self, *urls: str) -> None:
        self.engines: dict[str, Engine] = {}
        for url in urls:
            self.add(url)

    def add(self, url: str) -> Engine:
        engine = self.engines[url] = Engine()
        engine.identity = ContainerEngine(name=EngineName.PODMAN, version="5.4.2")
        return engine

    def source(self) -> PodmanSource:
        def follow(url: str) -> DockerSource:
            connect: Any = lambda url: self.engines[url].connect(url)  # noqa: E731 (the engine of that moment)
            return DockerSource(DockerConfig(url=url), "b" * 32, connect, wall_ns=lambda: NOW_NS)

        return PodmanSource(PodmanConfig(), follow, lambda _: list(self.engines), look_every_s=0.01)


async def test_engines_of_root_and_a_user_are_followed_together() -> None:
    """
    Each container has its own engine; Podman's service is no daemon whose end matters.
    """
    host = Host(ROOTS, USERS)
    host.engines[ROOTS].run(A)
    host.engines[USERS].run(B)
    async with aclosing(host.source().readings(None)) as readings:
        facts, position = await until(readings, has(SnapshotFact, 2))
    engines = {fact.snapshot.id: fact.engine for fact in facts if isinstance(fact, SnapshotFact)}
    assert engines[B] == ContainerEngine(name=EngineName.PODMAN, version="5.4.2", uid=1000)
    assert engines[A] == ContainerEngine(name=EngineName.PODMAN, version="5.4.2")
    assert not has(DockerDaemonFact)(facts)
    assert set(position["engines"]) == {ROOTS, USERS}


async def test_the_process_that_a_users_engine_names_must_be_that_users() -> None:
    """
    A user's engine could name any process of the host as its main process, and any directory as its file system.
    """
    host = Host(USERS)
    host.engines[USERS].run(A, Pid=1)
    layers = {"UpperDir": "/root", "LowerDir": "/etc"}
    host.engines[USERS].containers[A]["GraphDriver"] = {"Data": layers}
    async with aclosing(host.source().readings(None)) as readings:
        facts, _ = await until(readings, has(SnapshotFact))
    (found,) = (fact for fact in facts if isinstance(fact, SnapshotFact))
    assert (found.snapshot.pid, found.cgroup, found.snapshot.layers) == (None, None, ())


async def test_an_engine_that_comes_later_is_found() -> None:
    """
    A user logs in; later the user's engine ends, and the other one is still read.
    """
    host = Host(ROOTS)
    async with aclosing(host.source().readings(None)) as readings:
        await anext(readings)
        users = host.add(USERS)
        users.run(B)
        await until(readings, has(SnapshotFact))
        users.failure = SourceError("gone")
        users.live.put(SourceError("gone"))
        host.engines[ROOTS].emit("start", A, NOW_NS)
        facts, _ = await until(readings, has(DockerEvent))
    (event,) = (fact for fact in facts if isinstance(fact, DockerEvent))
    assert event.engine is not None


async def test_runs_of_a_stored_position_have_their_engine() -> None:
    """
    A restored run of a user's engine is that user's.
    """
    host = Host(USERS)
    run = {"started_at_ns": NOW_NS, "name": "box"}
    stored = {"engines": {USERS: {"since_ns": NOW_NS, "boot_id": "b" * 32, "runs": {A: run}}}}
    async with aclosing(host.source().readings(stored)) as readings:
        facts, _ = await until(readings, has(RestoredRunFact))
    (restored,) = (fact for fact in facts if isinstance(fact, RestoredRunFact))
    assert restored.engine == ContainerEngine(name=EngineName.PODMAN, uid=1000)


async def test_the_watermark_is_that_of_the_slowest_engine() -> None:
    """
    Events of Podman are late: nothing is said of the last second.
    """
    made = Host(ROOTS, USERS).source()
    async with aclosing(made.readings(None)) as readings:
        await anext(readings)
        made.request_watermark()
        facts, _ = await until(readings, has(WatermarkFact))
    found = [fact for fact in facts if isinstance(fact, WatermarkFact)]
    assert {fact.source for fact in found} == {"podman"}
    assert all(fact.read_until_ns <= NOW_NS - 1_000_000_000 for fact in found)


async def test_an_event_has_the_name_of_its_pod() -> None:
    """
    Pods that were there before are listed; new ones come as events of their own.
    """
    host = Host(ROOTS)
    engine = host.engines[ROOTS]
    engine.pods = [{"Id": "old", "Name": "web"}]
    async with aclosing(host.source().readings(None)) as readings:
        await anext(readings)
        new = {"Type": "pod", "Action": "create", "Actor": {"ID": "new", "Attributes": {"name": "db"}}, "timeNano": 1}
        engine.live.put(new)
        engine.emit("start", A, NOW_NS, podId="old")
        engine.emit("start", B, NOW_NS, podId="new")
        facts, _ = await until(readings, has(DockerEvent, 2))
    events = [fact for fact in facts if isinstance(fact, DockerEvent)]
    assert [event.attributes["podName"] for event in events] == ["web", "db"]


async def test_without_an_engine_the_source_is_missing() -> None:
    """
    A host without Podman is no fault.
    """
    async with aclosing(Host().source().readings(None)) as readings:
        with pytest.raises(SourceMissingError):
            await anext(readings)


def test_sockets_of_users_are_found(tmp_path: Path) -> None:
    """
    Root's socket comes first; what is no socket, and no user, is left out.
    """
    for name in ("1000", "1001", "nobody", "1002"):
        (tmp_path / name / "podman").mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as other:
        listening.bind(str(tmp_path / "1000/podman/podman.sock"))
        other.bind(str(tmp_path / "nobody/podman/podman.sock"))
        (tmp_path / "1001/podman/podman.sock").write_text("no socket")
        found = sockets(PodmanConfig(urls=("tcp://engine:2375",)), tmp_path)
        assert found == ["tcp://engine:2375", f"unix://{tmp_path}/1000/podman/podman.sock"]
        assert sockets(PodmanConfig(urls=(), users=False), tmp_path) == []


def test_the_number_of_engines_is_bounded() -> None:
    """
    Each engine costs threads and memory.
    """
    urls = tuple(f"tcp://engine:{port}" for port in range(1, 100))
    assert len(places(PodmanConfig(urls=urls), Path("/nowhere"))) == ENGINES_AT_MOST


@pytest.mark.parametrize(
    ("url", "uid"), [(USERS, 1000), ("unix:///nowhere/podman.sock", None), ("tcp://engine:2375", None)]
)
def test_a_users_directory_decides_whose_engine_it_is(url: str, uid: int | None) -> None:
    """
    In the own directory a user may put any link.
    """
    assert owner_of(url) == uid

"""
What a host still tells where the agent was not running: its journal and its containers.
"""

import subprocess
from pathlib import Path

import pytest

from collector.explain import host as host_module
from collector.explain.choice import Remembered, asked_for, beside
from collector.explain.host import past_of_host
from collector.hostclock import HostIdentity, identify
from collector.sources.settings import DockerConfig, JournaldConfig
from sinks.event import Cause, EventType, document
from tests.unit.collector.correlate.scene import scope_path, summary
from tests.unit.collector.sources.devices import Engine, kill

A, B = "a" * 64, "b" * 64
REMOTE = Path("/lib/systemd/systemd-journal-remote")
# 2026-11-22T03:00:10Z, when box A ended.
ENDED_US = 1_795_316_410_000_000
OFF = JournaldConfig(enabled=False)


@pytest.fixture
def identity(tmp_path: Path) -> HostIdentity:
    return identify(machine_id="1" * 32, hostname="node-7")


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """
    Box A ended with 137, box B runs.
    """
    engine = Engine()
    engine.run(A, Running=False, ExitCode=137, FinishedAt="2026-11-22T03:00:10Z", Pid=0)
    engine.run(B)
    monkeypatch.setattr(host_module, "DockerClient", engine.connect)
    return engine


def journal(directory: Path, identity: HostIdentity) -> JournaldConfig:
    """
    The kernel's lines of the kill of A's main process, 50 ms before its end.
    """
    pytest.importorskip("systemd.journal", reason="python-systemd is not installed")
    if not REMOTE.exists():
        pytest.skip("systemd-journal-remote is not installed")
    entries = ""
    for number, text in enumerate([summary(4000, scope_path(A)), kill(2, 4000).decode().partition(";")[2].strip()]):
        at_us = ENDED_US - 50_000 + number
        entries += (
            f"__REALTIME_TIMESTAMP={at_us}\n__MONOTONIC_TIMESTAMP={number + 1}\n_BOOT_ID={identity.boot_id}\n"
            f"_TRANSPORT=kernel\nSYSLOG_FACILITY=0\n_SOURCE_MONOTONIC_TIMESTAMP={number + 1}\nMESSAGE={text}\n\n"
        )
    made = directory / "system.journal"
    subprocess.run([REMOTE, "-o", made, "-"], input=entries.encode(), check=True, capture_output=True)
    return JournaldConfig(path=str(directory))


def test_a_container_that_ended_unseen_is_a_death(engine: Engine, identity: HostIdentity) -> None:
    """
    What Docker still knows of it is enough for that, not for the cause.
    """
    past = past_of_host(OFF, DockerConfig(), identity, ENDED_US * 1000)
    (death,) = past.events
    assert (death.type, death.container and death.container.name) == (EventType.CONTAINER_DEATH, "box-a")
    assert death.exit137.cause is not Cause.OOM_KILL
    assert (past.read, engine.open_clients) == (("Docker",), 0)


def test_with_the_journal_it_has_its_cause(engine: Engine, identity: HostIdentity, tmp_path: Path) -> None:
    """
    The kill stands in the kernel's log, and the death names it.
    """
    past = past_of_host(journal(tmp_path, identity), DockerConfig(), identity, ENDED_US * 1000)
    told, death = past.events
    assert (told.type, death.exit137.cause) == (EventType.OOM_KILL, Cause.OOM_KILL)
    assert past.read == ("journal", "Docker")
    found = Remembered(past.events)
    (asked,) = asked_for(found, "box-a", None)
    assert asked.id == death.id
    assert [one.id for one in beside(found, document(death))] == [told.id]


def test_what_cannot_be_read_is_said(identity: HostIdentity, tmp_path: Path) -> None:
    """
    And nothing fails because of it.
    """
    docker = DockerConfig(url=f"unix://{tmp_path}/none.sock")
    past = past_of_host(JournaldConfig(path=str(tmp_path)), docker, identity, 0)
    assert (past.events, past.read, len(past.refused)) == ((), (), 2)


def test_remembered_events_are_found_as_those_of_a_store(engine: Engine, identity: HostIdentity) -> None:
    """
    By name, by the beginning of an id, by time.
    """
    found = Remembered(past_of_host(OFF, DockerConfig(), identity, ENDED_US * 1000).events)
    for container in ("box-a", "aaaa", None):
        assert len(asked_for(found, container, None)) == 1
    assert asked_for(found, "box-b", None) == []
    assert asked_for(found, None, ENDED_US * 1000 + 1) == []

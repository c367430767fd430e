"""
Tests of reconstructing a host's past from its journal and its containers.
"""

import subprocess
from pathlib import Path

import pytest

from collector.config.sources import DockerConfig, JournaldConfig
from collector.explain.query import InMemoryHistory, related_events, requested_events
from collector.host.clock import HostIdentity, identify
from collector.recordings import host_past as host_module
from collector.recordings.host_past import past_of_host
from sinks.event import Cause, EventType, to_json
from sinks.event.reader import read_event
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
    An engine on which box A has ended with 137, and box B runs.
    """
    engine = Engine()
    engine.run(A, Running=False, ExitCode=137, FinishedAt="2026-11-22T03:00:10Z", Pid=0)
    engine.run(B)
    monkeypatch.setattr(host_module, "DockerClient", engine.connect)
    return engine


def journal(directory: Path, identity: HostIdentity) -> JournaldConfig:
    """
    Write a journal with the kernel's lines of the kill of A's main process, 50 ms before A's end.
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
    Docker alone shows that a container died, but not that the cause was an OOM kill.
    """
    past = past_of_host(OFF, DockerConfig(), identity, ENDED_US * 1000)
    (death,) = past.events
    assert (death.type, death.container and death.container.name) == (EventType.CONTAINER_DEATH, "box-a")
    assert death.exit137.cause is not Cause.OOM_KILL
    assert (past.read, engine.open_clients) == (("Docker",), 0)


def test_with_the_journal_it_has_its_cause(engine: Engine, identity: HostIdentity, tmp_path: Path) -> None:
    """
    With the kernel log the kill is found, and the death has it as its cause.
    """
    past = past_of_host(journal(tmp_path, identity), DockerConfig(), identity, ENDED_US * 1000)
    kill_event, death = past.events
    assert (kill_event.type, death.exit137.cause) == (EventType.OOM_KILL, Cause.OOM_KILL)
    assert past.read == ("journal", "Docker")
    found = InMemoryHistory(past.events)
    (asked,) = requested_events(found, "box-a", None)
    assert asked.id == death.id
    assert [one.id for one in related_events(found, read_event(to_json(death)))] == [kill_event.id]


def test_inputs_that_cannot_be_read_are_reported(identity: HostIdentity, tmp_path: Path) -> None:
    """
    An input that cannot be read is reported with its reason, and raises no error.
    """
    docker = DockerConfig(url=f"unix://{tmp_path}/none.sock")
    past = past_of_host(JournaldConfig(path=str(tmp_path)), docker, identity, 0)
    assert (past.events, past.read, len(past.refused)) == ((), (), 2)


def test_events_in_memory_are_found_like_those_of_a_store(engine: Engine, identity: HostIdentity) -> None:
    """
    Reconstructed events can be queried by container name, by a prefix of the id, and by time.
    """
    found = InMemoryHistory(past_of_host(OFF, DockerConfig(), identity, ENDED_US * 1000).events)
    for container in ("box-a", "aaaa", None):
        assert len(requested_events(found, container, None)) == 1
    assert requested_events(found, "box-b", None) == []
    assert requested_events(found, None, ENDED_US * 1000 + 1) == []

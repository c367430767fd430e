"""
Tests of the Docker source with an engine in memory: its requests, its facts and its position.
"""

from contextlib import aclosing
from typing import Any

import pytest

from collector.config.sources import DockerConfig
from collector.facts.observed import (
    ContainerGoneFact,
    DockerDaemonFact,
    Fact,
    LogTailFact,
    LogTailRequestedFact,
    SnapshotFact,
)
from collector.facts.restored import RestoredRunFact
from collector.facts.shed import LOGS_SHED
from collector.sources.docker.source import DockerSource
from parsers.docker_event import DockerAction, DockerEvent
from tests.unit.collector.sources.devices import Engine
from tests.unit.collector.sources.docker.readings import (
    BOOT,
    NOW_NS,
    SECOND,
    STARTED_NS,
    A,
    B,
    has,
    one,
    read,
    source,
    until,
)


async def test_containers_that_already_run_are_inspected() -> None:
    """
    A container that runs when the source starts is inspected: its pid and limits must be known before it dies.
    """
    engine = Engine()
    engine.run(A)
    facts, position = await read(source(engine), has(SnapshotFact))
    assert one(facts, DockerDaemonFact).up is True
    snapshot = one(facts, SnapshotFact).snapshot
    assert (snapshot.id, snapshot.pid) == (A, 4000)
    assert position["runs"][A]["main_pid"] == 4000


async def test_containers_that_ended_before_the_first_start_are_not_inspected() -> None:
    """
    Without a position only running containers are inspected: a host may have many old ones.
    """
    engine = Engine()
    engine.run(A, Running=False)
    engine.run(B)
    facts, _ = await read(source(engine), has(SnapshotFact))
    assert one(facts, SnapshotFact).snapshot.id == B


async def test_an_event_is_yielded_and_its_container_inspected() -> None:
    """
    A start is followed by an inspection for the pid, a death by one for the exit code.
    """
    engine = Engine()
    engine.run(B)
    async with aclosing(source(engine).readings(None)) as readings:
        await until(readings, has(SnapshotFact))
        engine.run(A)
        engine.emit("start", A, NOW_NS)
        facts, _ = await until(readings, has(SnapshotFact))
        assert one(facts, DockerEvent).action is DockerAction.START
        assert one(facts, SnapshotFact).snapshot.pid == 4000
        engine.run(A, Running=False, ExitCode=3, FinishedAt="2026-11-22T03:10:00Z")
        engine.emit("die", A, NOW_NS + 1, exitCode="3")
        facts, position = await until(readings, has(SnapshotFact))
    assert one(facts, DockerEvent).exit_code == 3
    assert one(facts, SnapshotFact).snapshot.exit_code == 3
    assert (position["since_ns"], list(position["runs"])) == (NOW_NS + 1, [B])


async def test_a_container_that_docker_no_longer_knows_is_reported_as_gone() -> None:
    """
    A container that cannot be inspected any more, as with `--rm`, gives a ContainerGoneFact.
    """
    engine = Engine()
    async with aclosing(source(engine).readings(None)) as readings:
        await until(readings, has(DockerDaemonFact))
        engine.emit("die", A, NOW_NS)
        facts, _ = await until(readings, has(ContainerGoneFact))
    assert one(facts, ContainerGoneFact).container_id == A


async def test_a_stored_position_restores_the_runs_and_finds_their_ends() -> None:
    """
    A container that ran when the position was stored, and does not run now, has died in the meantime.
    """
    engine = Engine()
    engine.run(A)
    _, position = await read(source(engine), has(SnapshotFact))
    engine.run(A, Running=False, ExitCode=1, FinishedAt="2026-11-22T03:10:00Z")
    facts, _ = await read(source(engine), has(SnapshotFact), position)
    assert one(facts, RestoredRunFact).started_at_ns == one(facts, SnapshotFact).snapshot.started_at_ns
    assert one(facts, SnapshotFact).snapshot.exit_code == 1


async def test_a_stored_position_asks_for_the_events_since_then() -> None:
    """
    With a position the source asks the engine for the events since that time.
    """
    engine = Engine()
    engine.emit("die", A, NOW_NS - 1)
    engine.emit("die", B, NOW_NS + 1)
    facts, _ = await read(source(engine), has(DockerEvent), {"since_ns": NOW_NS, "boot_id": BOOT, "runs": {}})
    assert one(facts, DockerEvent).container_id == B
    assert engine.asked_since == [NOW_NS]


async def test_a_repeated_event_is_yielded_once() -> None:
    """
    An event that the engine repeats after a reconnect is yielded only once.
    """
    engine = Engine()
    made = source(engine)
    position = {"since_ns": NOW_NS, "runs": {}}
    engine.emit("die", A, NOW_NS + 1)
    await read(made, has(DockerEvent), position)
    engine.emit("die", B, NOW_NS + 2)
    facts, _ = await read(made, has(DockerEvent), position)
    assert one(facts, DockerEvent).container_id == B


async def test_the_event_at_the_stored_position_is_not_yielded_again() -> None:
    """
    The engine starts with events at the very time of the position, which have been yielded before.
    """
    engine = Engine()
    engine.emit("die", A, NOW_NS)
    engine.emit("die", B, NOW_NS + 1)
    facts, _ = await read(source(engine), has(DockerEvent), {"since_ns": NOW_NS, "runs": {}})
    assert one(facts, DockerEvent).container_id == B


async def test_an_end_in_the_gap_is_marked_as_unseen() -> None:
    """
    An end during the gap, for which no event will ever arrive, is marked in the snapshot.
    """
    engine = Engine()
    engine.run(A, Running=False, ExitCode=1, FinishedAt="2026-11-22T03:10:00Z")
    since_ns = STARTED_NS - 3600 * SECOND
    facts, _ = await read(source(engine), has(SnapshotFact), {"since_ns": since_ns, "boot_id": BOOT, "runs": {}})
    assert one(facts, SnapshotFact).ended_unseen is True


@pytest.mark.parametrize("runs", [None, [], {A: None}, {A: {}}, {A: {"started_at_ns": "soon"}}])
async def test_a_malformed_position_restores_nothing(runs: object) -> None:
    """
    A malformed position, perhaps of another version, is ignored.
    """
    facts, _ = await read(source(Engine()), has(DockerDaemonFact), {"since_ns": "then", "runs": runs})
    assert [type(fact) for fact in facts] == [DockerDaemonFact]


async def test_garbage_in_the_stream_is_counted_and_skipped() -> None:
    """
    A malformed event is counted as garbage, and the events after it are yielded.
    """
    engine = Engine()
    made = source(engine)
    async with aclosing(made.readings(None)) as readings:
        await until(readings, has(DockerDaemonFact))
        engine.live.put({"Type": "container"})
        engine.emit("die", A, NOW_NS)
        await until(readings, has(DockerEvent))
    assert (made.records, made.garbage) == (2, 1)


async def test_a_container_that_was_created_and_not_started_is_inspected_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    A created container is inspected again after a while: Docker sends no event for a failed start.
    """
    monkeypatch.setattr("collector.sources.docker.known_runs._INSPECT_AFTER_S", (0.2,) * 20)
    monkeypatch.setattr("collector.sources.docker.ping._RETRY_EVERY_S", 0.05)
    engine = Engine()
    async with aclosing(source(engine).readings(None)) as readings:
        await until(readings, has(DockerDaemonFact))
        engine.run(A, started="0001-01-01T00:00:00Z", Running=False)
        engine.emit("create", A, NOW_NS)
        await until(readings, has(SnapshotFact))
        engine.run(A, started="0001-01-01T00:00:00Z", Running=False, ExitCode=127, Error="not found")
        facts, _ = await until(readings, lambda found: any(getattr(_shot(fact), "error", None) for fact in found))
    assert any(getattr(_shot(fact), "exit_code", None) == 127 for fact in facts)


def _shot(fact: Fact) -> object:
    return fact.snapshot if isinstance(fact, SnapshotFact) else None


async def test_the_log_tail_is_requested_with_the_death() -> None:
    """
    The request follows the `die` event at once, so that the verdict waits for the log tail; secrets are masked.
    """
    engine = Engine()
    engine.run(A)
    engine.logs[A] = b"listening\ntoken=hush\nout of memory\n"
    async with aclosing(source(engine).readings(None)) as readings:
        await until(readings, has(SnapshotFact))
        engine.emit("die", A, NOW_NS, exitCode="137")
        facts, _ = await until(readings, has(LogTailFact))
    assert [type(fact) for fact in facts[:2]] == [DockerEvent, LogTailRequestedFact]
    tail = one(facts, LogTailFact)
    assert (tail.container_id, tail.die_event_ns) == (A, NOW_NS)
    assert tail.lines == ("listening", "token=***", "out of memory")


async def test_a_log_driver_that_keeps_nothing_is_the_reason() -> None:
    """
    A container with the log driver `none`, known from its inspection, has no log tail for that reason.
    """
    engine = Engine()
    engine.run(A)
    engine.containers[A]["HostConfig"] = {"LogConfig": {"Type": "none"}}
    async with aclosing(source(engine).readings(None)) as readings:
        await until(readings, has(SnapshotFact))
        engine.emit("die", A, NOW_NS)
        facts, _ = await until(readings, has(LogTailFact))
    assert one(facts, LogTailFact).missing == 'The log driver "none" keeps no logs.'


async def test_no_log_tail_is_requested_if_it_is_switched_off() -> None:
    """
    With `last_words = false` no log is read: logs may contain what must not leave the host.
    """
    engine = Engine()
    connect: Any = engine.connect
    config = DockerConfig(url="unix:///engine", last_words=False)
    made = DockerSource(config, BOOT, connect, wall_ns=lambda: NOW_NS)
    async with aclosing(made.readings(None)) as readings:
        await until(readings, has(DockerDaemonFact))
        engine.emit("die", A, NOW_NS)
        facts, _ = await until(readings, has(ContainerGoneFact))
    assert not has(LogTailRequestedFact)(facts)


async def test_log_tails_are_left_out_while_the_agent_is_behind() -> None:
    """
    The reason takes the place of the lines, so that the death does not wait for them.
    """
    engine = Engine()
    engine.logs[A] = b"last words\n"
    made = source(engine)
    async with aclosing(made.readings(None)) as readings:
        await until(readings, has(DockerDaemonFact))
        made.is_behind = True
        engine.emit("die", A, NOW_NS)
        facts, _ = await until(readings, has(LogTailFact))
    assert one(facts, LogTailFact) == LogTailFact(container_id=A, die_event_ns=NOW_NS, missing=LOGS_SHED)
    assert not has(LogTailRequestedFact)(facts)

"""
The Docker source, over an engine of a few lines: what it asks for, what it tells, and what it remembers.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from collector.correlate.facts import (
    ContainerGoneFact,
    EngineFact,
    Fact,
    LastWordsAsked,
    LastWordsFact,
    RememberedRunFact,
    SnapshotFact,
)
from collector.sources.base import Position, Reading, SourceError, SourceMissingError
from collector.sources.docker import DockerSource
from collector.sources.settings import DockerConfig
from parsers.docker_event import DockerAction, DockerEvent
from tests.unit.collector.sources.devices import END, Engine

A, B = "a" * 64, "b" * 64
BOOT = "b" * 32
SECOND = 1_000_000_000
NOW_NS = 1_795_000_000 * SECOND
STARTED_NS = 1_795_316_400 * SECOND
Enough = Callable[[list[Fact]], bool]


def source(engine: Engine) -> DockerSource:
    connect: Any = engine.connect
    return DockerSource(DockerConfig(url="unix:///engine"), BOOT, connect, wall_ns=lambda: NOW_NS)


async def until(readings: AsyncIterator[Reading], enough: Enough) -> tuple[list[Fact], Position]:
    """
    Facts until there are enough, with the position of the last.
    """
    facts: list[Fact] = []
    async with asyncio.timeout(5):
        while True:
            reading = await anext(readings)
            facts += reading.facts
            if enough(facts):
                return facts, reading.position


async def read(made: DockerSource, enough: Enough, position: Position | None = None) -> tuple[list[Fact], Position]:
    async with aclosing(made.readings(position)) as readings:
        return await until(readings, enough)


def has(kind: type, count: int = 1) -> Enough:
    return lambda facts: sum(isinstance(fact, kind) for fact in facts) >= count


def one(facts: list[Fact], kind: type) -> Any:  # noqa: ANN401 (the kind that was asked for)
    (found,) = (fact for fact in facts if isinstance(fact, kind))
    return found


async def test_what_runs_already_is_inspected() -> None:
    """
    Its pid and limits must be known before it dies.
    """
    engine = Engine()
    engine.run(A)
    facts, position = await read(source(engine), has(SnapshotFact))
    assert one(facts, EngineFact).up is True
    snapshot = one(facts, SnapshotFact).snapshot
    assert (snapshot.id, snapshot.pid) == (A, 4000)
    assert position["runs"][A]["main_pid"] == 4000


async def test_what_had_ended_before_the_first_look_is_not_asked_for() -> None:
    """
    A host has many old containers.
    """
    engine = Engine()
    engine.run(A, Running=False)
    engine.run(B)
    facts, _ = await read(source(engine), has(SnapshotFact))
    assert one(facts, SnapshotFact).snapshot.id == B


async def test_an_event_is_told_and_its_container_inspected() -> None:
    """
    After a start for its pid, after a death for its exit code.
    """
    engine = Engine()
    engine.run(B)
    async with aclosing(source(engine).readings(None)) as readings:
        await until(readings, has(SnapshotFact))
        engine.run(A)
        engine.tell("start", A, NOW_NS)
        facts, _ = await until(readings, has(SnapshotFact))
        assert one(facts, DockerEvent).action is DockerAction.START
        assert one(facts, SnapshotFact).snapshot.pid == 4000
        engine.run(A, Running=False, ExitCode=3, FinishedAt="2026-11-22T03:10:00Z")
        engine.tell("die", A, NOW_NS + 1, exitCode="3")
        facts, position = await until(readings, has(SnapshotFact))
    assert one(facts, DockerEvent).exit_code == 3
    assert one(facts, SnapshotFact).snapshot.exit_code == 3
    assert (position["since_ns"], list(position["runs"])) == (NOW_NS + 1, [B])


async def test_a_container_that_is_gone_when_it_is_asked_for_is_told_as_gone() -> None:
    """
    With `--rm` it is removed within milliseconds.
    """
    engine = Engine()
    async with aclosing(source(engine).readings(None)) as readings:
        await until(readings, has(EngineFact))
        engine.tell("die", A, NOW_NS)
        facts, _ = await until(readings, has(ContainerGoneFact))
    assert one(facts, ContainerGoneFact).container_id == A


async def test_a_stored_position_brings_the_runs_back_and_looks_for_their_ends() -> None:
    """
    Who was running then and is not now has died meanwhile.
    """
    engine = Engine()
    engine.run(A)
    _, position = await read(source(engine), has(SnapshotFact))
    engine.run(A, Running=False, ExitCode=1, FinishedAt="2026-11-22T03:10:00Z")
    facts, _ = await read(source(engine), has(SnapshotFact), position)
    assert one(facts, RememberedRunFact).started_at_ns == one(facts, SnapshotFact).snapshot.started_at_ns
    assert one(facts, SnapshotFact).snapshot.exit_code == 1


async def test_a_stored_position_asks_for_the_events_since() -> None:
    """
    The engine remembers 256 of them.
    """
    engine = Engine()
    engine.tell("die", A, NOW_NS - 1)
    engine.tell("die", B, NOW_NS + 1)
    facts, _ = await read(source(engine), has(DockerEvent), {"since_ns": NOW_NS, "boot_id": BOOT, "runs": {}})
    assert one(facts, DockerEvent).container_id == B
    assert engine.asked_since == [NOW_NS]


async def test_an_event_that_comes_again_is_told_once() -> None:
    """
    After a reconnect the engine repeats those of the last second.
    """
    engine = Engine()
    made = source(engine)
    position = {"since_ns": NOW_NS, "runs": {}}
    engine.tell("die", A, NOW_NS + 1)
    await read(made, has(DockerEvent), position)
    engine.tell("die", B, NOW_NS + 2)
    facts, _ = await read(made, has(DockerEvent), position)
    assert one(facts, DockerEvent).container_id == B


async def test_the_event_that_a_position_was_stored_at_is_not_told_again() -> None:
    """
    The engine begins with the very moment that it is asked from.
    """
    engine = Engine()
    engine.tell("die", A, NOW_NS)
    engine.tell("die", B, NOW_NS + 1)
    facts, _ = await read(source(engine), has(DockerEvent), {"since_ns": NOW_NS, "runs": {}})
    assert one(facts, DockerEvent).container_id == B


async def test_an_end_in_the_gap_is_marked_as_unseen() -> None:
    """
    Nobody will ever send its event: what inspect shows is all there is.
    """
    engine = Engine()
    engine.run(A, Running=False, ExitCode=1, FinishedAt="2026-11-22T03:10:00Z")
    since_ns = STARTED_NS - 3600 * SECOND
    facts, _ = await read(source(engine), has(SnapshotFact), {"since_ns": since_ns, "boot_id": BOOT, "runs": {}})
    assert one(facts, SnapshotFact).ended_unseen is True


@pytest.mark.parametrize("runs", [None, [], {A: None}, {A: {}}, {A: {"started_at_ns": "soon"}}])
async def test_a_position_of_a_strange_form_brings_nothing_back(runs: object) -> None:
    """
    Another version may have written it.
    """
    facts, _ = await read(source(Engine()), has(EngineFact), {"since_ns": "then", "runs": runs})
    assert [type(fact) for fact in facts] == [EngineFact]


async def test_garbage_in_the_stream_is_counted_and_passed_over() -> None:
    """
    What follows it is told.
    """
    engine = Engine()
    made = source(engine)
    async with aclosing(made.readings(None)) as readings:
        await until(readings, has(EngineFact))
        engine.live.put({"Type": "container"})
        engine.tell("die", A, NOW_NS)
        await until(readings, has(DockerEvent))
    assert (made.records, made.garbage) == (2, 1)


@pytest.mark.parametrize("ending", [END, SourceError("reset")], ids=["closed", "broken"])
async def test_a_stream_that_ends_tells_that_the_engine_is_down(ending: SourceError | None) -> None:
    """
    Then the supervisor starts anew.
    """
    engine = Engine()
    async with aclosing(source(engine).readings(None)) as readings:
        await until(readings, has(EngineFact))
        engine.live.put(ending)
        facts, _ = await until(readings, has(EngineFact))
        assert one(facts, EngineFact).up is False
        with pytest.raises(SourceError):
            await anext(readings)
    assert (engine.open_streams, engine.open_clients) == (0, 0)


async def test_an_engine_that_is_not_there_is_missing() -> None:
    """
    By the real client: nobody listens at the socket.
    """
    made = DockerSource(DockerConfig(url=f"unix://{Path(__file__).parent}/none.sock"), BOOT)
    with pytest.raises(SourceMissingError, match=r"no Docker Engine answers at unix:.*none\.sock"):
        await read(made, has(EngineFact))


async def test_a_container_that_was_created_and_never_started_is_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    Docker tells of a failed start by no event at all.
    """
    monkeypatch.setattr("collector.sources.docker_runs._LOOK_AFTER_S", (0.2,) * 20)
    monkeypatch.setattr("collector.sources.docker._LOOK_EVERY_S", 0.05)
    engine = Engine()
    async with aclosing(source(engine).readings(None)) as readings:
        await until(readings, has(EngineFact))
        engine.run(A, started="0001-01-01T00:00:00Z", Running=False)
        engine.tell("create", A, NOW_NS)
        await until(readings, has(SnapshotFact))
        engine.run(A, started="0001-01-01T00:00:00Z", Running=False, ExitCode=127, Error="not found")
        facts, _ = await until(readings, lambda found: any(getattr(_shot(fact), "error", None) for fact in found))
    assert any(getattr(_shot(fact), "exit_code", None) == 127 for fact in facts)


def _shot(fact: Fact) -> object:
    return fact.snapshot if isinstance(fact, SnapshotFact) else None


async def test_the_last_lines_are_asked_for_at_the_edge_of_the_death() -> None:
    """
    The question is told at once, so that the verdict waits for them; secrets are masked.
    """
    engine = Engine()
    engine.run(A)
    engine.logs[A] = b"listening\ntoken=hush\nout of memory\n"
    async with aclosing(source(engine).readings(None)) as readings:
        await until(readings, has(SnapshotFact))
        engine.tell("die", A, NOW_NS, exitCode="137")
        facts, _ = await until(readings, has(LastWordsFact))
    assert [type(fact) for fact in facts[:2]] == [DockerEvent, LastWordsAsked]
    words = one(facts, LastWordsFact)
    assert (words.container_id, words.die_event_ns) == (A, NOW_NS)
    assert words.lines == ("listening", "token=***", "out of memory")


async def test_a_log_driver_that_keeps_nothing_is_the_reason() -> None:
    """
    It is known from the inspection at the start.
    """
    engine = Engine()
    engine.run(A)
    engine.containers[A]["HostConfig"] = {"LogConfig": {"Type": "none"}}
    async with aclosing(source(engine).readings(None)) as readings:
        await until(readings, has(SnapshotFact))
        engine.tell("die", A, NOW_NS)
        facts, _ = await until(readings, has(LastWordsFact))
    assert one(facts, LastWordsFact).missing == 'The log driver "none" keeps no logs.'


async def test_nobody_is_asked_for_last_lines_that_are_not_wanted() -> None:
    """
    Logs may hold what must not leave the host.
    """
    engine = Engine()
    connect: Any = engine.connect
    config = DockerConfig(url="unix:///engine", last_words=False)
    made = DockerSource(config, BOOT, connect, wall_ns=lambda: NOW_NS)
    async with aclosing(made.readings(None)) as readings:
        await until(readings, has(EngineFact))
        engine.tell("die", A, NOW_NS)
        facts, _ = await until(readings, has(ContainerGoneFact))
    assert not has(LastWordsAsked)(facts)

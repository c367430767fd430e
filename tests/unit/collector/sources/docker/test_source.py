"""
Tests of the Docker source with an engine in memory: its requests, its facts and its position.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
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
from collector.facts.watermark import WatermarkFact
from collector.sources.base import Position, Reading, SourceError, SourceMissingError
from collector.sources.docker.source import DockerSource
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
    Read facts until there are enough; return them with the position of the last reading.
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


@pytest.mark.parametrize("ending", [END, SourceError("reset")], ids=["closed", "broken"])
async def test_the_end_of_the_stream_reports_the_engine_as_down(ending: SourceError | None) -> None:
    """
    A stream that ends gives the fact that the engine is down, then an error for the supervisor; nothing stays open.
    """
    engine = Engine()
    async with aclosing(source(engine).readings(None)) as readings:
        await until(readings, has(DockerDaemonFact))
        engine.live.put(ending)
        facts, _ = await until(readings, has(DockerDaemonFact))
        assert one(facts, DockerDaemonFact).up is False
        with pytest.raises(SourceError):
            await anext(readings)
    assert (engine.open_streams, engine.open_clients) == (0, 0)


async def test_a_missing_engine_is_reported_as_missing() -> None:
    """
    The real client raises SourceMissingError if nobody listens at the socket.
    """
    made = DockerSource(DockerConfig(url=f"unix://{Path(__file__).parent}/none.sock"), BOOT)
    with pytest.raises(SourceMissingError, match=r"no Docker Engine answers at unix:.*none\.sock"):
        await read(made, has(DockerDaemonFact))


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


async def test_an_answered_ping_gives_a_watermark_after_the_events() -> None:
    """
    On request the engine is pinged; the watermark is the time of the ping, and comes after the events before it.
    """
    engine = Engine()
    made = source(engine)
    async with aclosing(made.readings(None)) as readings:
        await until(readings, has(DockerDaemonFact))
        made.request_watermark()  # nothing is followed yet, so nothing is asked
        engine.emit("die", A, NOW_NS)
        await until(readings, has(DockerEvent))
        engine.emit("die", B, NOW_NS)
        made.request_watermark()
        facts, _ = await until(readings, has(WatermarkFact))
    kinds = [type(fact) for fact in facts]
    assert kinds.index(DockerEvent) < kinds.index(WatermarkFact)
    assert one(facts, WatermarkFact) == WatermarkFact(source="docker", read_until_ns=NOW_NS)


async def test_an_engine_that_does_not_answer_gives_no_watermark() -> None:
    """
    Without an answer nobody knows whether the engine has sent all events.
    """
    engine = Engine()
    engine.answers_pings = False
    made = source(engine)
    async with aclosing(made.readings(None)) as readings:
        await until(readings, has(DockerDaemonFact))
        engine.emit("die", A, NOW_NS)
        await until(readings, has(DockerEvent))
        made.request_watermark()
        engine.emit("die", B, NOW_NS)
        facts, _ = await until(readings, has(ContainerGoneFact, 2))
    assert not has(WatermarkFact)(facts)


async def test_unread_events_hold_the_watermark_back() -> None:
    """
    A ping that is answered while the reading thread still has events to read gives no watermark yet.
    """
    engine = Engine()
    made = source(engine)
    async with aclosing(made.readings(None)) as readings:
        await until(readings, has(DockerDaemonFact))
        engine.emit("die", A, NOW_NS)
        await until(readings, has(DockerEvent))
        assert made._ping is not None
        pump = made._ping._pump
        unread = [True, True]
        pump.has_unread = lambda: bool(unread and unread.pop())  # type: ignore[method-assign]
        made.request_watermark()
        await until(readings, has(WatermarkFact))
    assert not unread


async def test_a_stream_that_is_never_read_to_its_end_gives_watermarks_too() -> None:
    """
    While events come faster than they are read, the last one that was read says how far: else no verdict would come.
    """
    engine = Engine()
    made = source(engine)
    async with aclosing(made.readings(None)) as readings:
        await until(readings, has(DockerDaemonFact))
        engine.emit("die", B, NOW_NS - 2 * SECOND)
        await until(readings, has(DockerEvent))
        assert made._ping is not None
        made._ping._pump.has_unread = lambda: True  # type: ignore[method-assign]
        engine.emit("die", A, NOW_NS - SECOND)
        facts, _ = await until(readings, has(WatermarkFact))
        engine.emit("die", B, NOW_NS + 3600 * SECOND)
        forged, _ = await until(readings, has(WatermarkFact))
    assert NOW_NS - 2 * SECOND < one(facts, WatermarkFact).read_until_ns < NOW_NS - SECOND
    assert one(forged, WatermarkFact).read_until_ns < NOW_NS


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

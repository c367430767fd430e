"""
Docker engines that answer everything except what they were asked for: real ones, on unix sockets.

Each test tries all modes of one route, several at a time: the source under its supervisor, as the agent runs it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from collector.config.sources import DockerConfig
from collector.facts.observed import Fact, GapFact
from collector.runtime.supervisor import Supervisor
from collector.sources.base import Reading
from collector.sources.docker import bounded, ping, transport, unix_socket
from collector.sources.docker.source import DockerSource
from parsers.docker_event import DockerEvent
from sinks.event import GapKind
from tests.hostile.engine import A, Engine, Responder, body, engine, event
from tests.hostile.engine_modes import EVERYWHERE, modes, then_silent
from tests.hostile.memory import resident_bytes

HEALED: Final = "f" * 64
BOOT: Final = "b" * 32
# Of what an engine sends, a source keeps a few megabytes at a time.
_EACH_BYTES: Final = 24 * 1_048_576
_AT_ONCE: Final = 4
# How long each mode attacks.
_ATTACK_S: Final = 0.6
_PATIENCE_S: Final = 100.0
# A source that fails at once fails this often until its wait has grown to seconds.
_ATTEMPTS: Final = 5


@dataclass(slots=True, kw_only=True)
class Run:
    """
    A source that reads an engine.
    """

    engine: Engine
    supervisor: Supervisor
    source: DockerSource
    facts: list[Fact] = field(default_factory=list)

    async def until_event(self, container_id: str) -> None:
        """
        Have the engine report the death of a container until it arrives.
        """
        async with asyncio.timeout(_PATIENCE_S):
            while not any(isinstance(fact, DockerEvent) and fact.container_id == container_id for fact in self.facts):
                self.engine.emit(event("die", container_id, exitCode="137"))
                await asyncio.sleep(0.05)

    async def until(self, what: GapKind, count: int = 1) -> None:
        """
        Wait until the source has said something about itself so often.
        """
        async with asyncio.timeout(_PATIENCE_S):
            while self.said(what) < count:  # noqa: ASYNC110 (the facts come through the supervisor)
                await asyncio.sleep(0.02)

    def said(self, what: GapKind) -> int:
        return sum(isinstance(fact, GapFact) and fact.what is what for fact in self.facts)


@pytest.fixture(autouse=True)
def short_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Wait half a second where the agent waits ten.
    """
    for module in (bounded, unix_socket):
        monkeypatch.setattr(module, "HEAD_S", 0.5)
    monkeypatch.setattr(transport, "_BODY_S", 1.0)
    monkeypatch.setattr(ping, "_BEAT_NS", 200_000_000)
    monkeypatch.setattr(ping, "_LOST_NS", 800_000_000)


@asynccontextmanager
async def reading(directory: Path, **replaced: Responder) -> AsyncIterator[Run]:
    """
    Run a source that reads an engine.
    """
    with engine(directory, **replaced) as found:
        source = DockerSource(DockerConfig(url=found.url), BOOT)
        facts: list[Fact] = []

        async def emit(_: str, reading: Reading) -> None:
            facts.extend(reading.facts)

        supervisor = Supervisor(source, required=True, emit=emit)
        task = asyncio.get_running_loop().create_task(supervisor.run(None))
        try:
            yield Run(engine=found, supervisor=supervisor, source=source, facts=facts)
        finally:
            assert not task.done()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("route", ["version", "list", "inspect", "logs", "events", "ping"])
async def test_the_source_outlives_every_answer(route: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """
    Whatever an engine answers: memory stays bounded, no traceback is logged, attempts become rare, and the source reads
    on as soon as the engine answers properly.
    """
    caplog.set_level(logging.WARNING)
    before_bytes = resident_bytes()
    gate = asyncio.Semaphore(_AT_ONCE)
    names = dict(enumerate(modes(route)))
    problems = await asyncio.gather(
        *(_problem(gate, tmp_path / str(number), route, *mode) for number, mode in names.items())
    )
    assert [problem for problem in problems if problem] == []
    assert resident_bytes() - before_bytes < _AT_ONCE * _EACH_BYTES
    assert [record.message for record in caplog.records if record.exc_info] == []


async def _problem(gate: asyncio.Semaphore, directory: Path, route: str, mode: str, responder: Responder) -> str | None:
    async with gate, reading(directory, **{route: responder}) as run:
        async with asyncio.timeout(_PATIENCE_S):
            while not run.engine.asked.get(route):
                run.engine.emit(event("die", A, exitCode="137"))
                await asyncio.sleep(0.05)
        await asyncio.sleep(_ATTACK_S)
        if run.engine.asked["version"] > _ATTEMPTS:
            return f"{mode}: {run.engine.asked} attempts"
        run.engine.heal()
        try:
            await run.until_event(HEALED)
        except TimeoutError:
            return f"{mode}: the source did not come back: {run.supervisor.state}"
    return None


async def test_an_odd_entry_of_the_list_is_one_record_of_garbage(tmp_path: Path) -> None:
    """
    What is no container is counted, the others are inspected, and the source stays up.
    """
    listed = dict(modes("list"))["number in the list"]
    async with reading(tmp_path, list=listed) as run:
        await run.until_event(HEALED)
        assert run.engine.asked["inspect"] >= 1
    assert run.source.garbage == 4
    assert run.said(GapKind.SOURCE_DOWN) == 0


@pytest.mark.parametrize("mode", ["endless chunk", "300 MB", "gzip bomb", "nested"])
async def test_an_unusable_list_is_one_gap(mode: str, tmp_path: Path) -> None:
    """
    A list that cannot be used is published as lost, and the source goes on with the events.
    """
    async with reading(tmp_path, list=EVERYWHERE[mode]) as run:
        await run.until(GapKind.RECORDS_LOST)
        await run.until_event(HEALED)
    assert (run.said(GapKind.RECORDS_LOST), run.said(GapKind.SOURCE_DOWN)) == (1, 0)


async def test_an_engine_that_hangs_is_down_once_and_up_once(tmp_path: Path) -> None:
    """
    An engine that accepts everything and answers nothing is noticed although its event stream is open.
    """
    async with reading(tmp_path) as run:
        await run.until(GapKind.SOURCE_UP)
        for route in ("ping", "version"):
            run.engine.replaced[route] = then_silent(b"")
        await run.until(GapKind.SOURCE_DOWN)
        assert run.supervisor.state.missed
        await asyncio.sleep(_ATTACK_S)
        run.engine.heal()
        await run.until(GapKind.SOURCE_UP, 2)
        await run.until_event(HEALED)
    assert (run.said(GapKind.SOURCE_UP), run.said(GapKind.SOURCE_DOWN)) == (2, 1)


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found"])
async def test_a_proxy_may_forbid_pings(status: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """
    An answer is an answer: the engine is alive. The log says once what is asked instead.
    """
    forbidden = body(b"", status)
    async with reading(tmp_path, ping=forbidden, version=forbidden) as run:
        await run.until(GapKind.SOURCE_UP)
        await asyncio.sleep(2 * _ATTACK_S)
        run.source.request_watermark()
        await run.until_event(HEALED)
    assert run.said(GapKind.SOURCE_DOWN) == 0
    assert run.engine.asked["ping"] == 1
    assert sum("_ping" in record.message for record in caplog.records) == 1

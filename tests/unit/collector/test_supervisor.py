"""
One source, run for ever.
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator

import pytest

from collector.correlate.facts import GapFact
from collector.sources.base import Position, PrivilegeError, Reading, SourceError, SourceMissingError
from collector.supervisor import Supervisor

Step = Position | Exception


class ScriptedSource:
    """
    Yields positions and raises errors as told, one attempt a list; then it waits for ever.
    """

    name = "kmsg"

    def __init__(self, *attempts: list[Step]) -> None:
        self.attempts = list(attempts)
        self.began_at: list[Position | None] = []

    async def readings(self, position: Position | None) -> AsyncGenerator[Reading]:
        self.began_at.append(position)
        for step in self.attempts.pop(0) if self.attempts else []:
            if isinstance(step, Exception):
                raise step
            yield Reading(facts=(), position=step)
        if not self.attempts:
            await asyncio.Event().wait()


class Run:
    """
    A supervisor that ran until its source had nothing more to do, with waits that take no time.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *attempts: list[Step], required: bool = False) -> None:
        self.source = ScriptedSource(*attempts)
        self.told: list[str] = []
        self.positions: list[Position] = []
        self.waits_s: list[float] = []
        self.idle = asyncio.Event()
        self.attempts = len(attempts)
        self.supervisor = Supervisor(
            self.source, required=required, emit=self._emit, wall_ns=lambda: 7, rng=_LongestWait()
        )
        monkeypatch.setattr(asyncio, "sleep", self._sleep)

    async def _emit(self, name: str, reading: Reading) -> None:
        self.positions.append(reading.position)
        self.told += [fact.what for fact in reading.facts if isinstance(fact, GapFact)]

    async def _sleep(self, seconds: float) -> None:
        self.waits_s.append(seconds)
        if len(self.waits_s) >= self.attempts:
            self.idle.set()
            await asyncio.Event().wait()

    async def ended(self, position: Position | None = None) -> "Run":
        task = asyncio.get_running_loop().create_task(self.supervisor.run(position))
        idle = asyncio.get_running_loop().create_task(self.idle.wait())
        await asyncio.wait([task, idle], return_when=asyncio.FIRST_COMPLETED, timeout=5)
        assert not task.done()
        task.cancel()
        idle.cancel()
        await asyncio.gather(task, idle, return_exceptions=True)
        return self


class _LongestWait(random.Random):
    def uniform(self, a: float, b: float) -> float:
        return b


async def test_a_source_that_fails_goes_on_from_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    From the position of the last reading, the first time from the one that was stored.
    """
    run = await Run(monkeypatch, [{"seq": 1}, {"seq": 2}, SourceError("gone")], [SourceError("gone")]).ended({"seq": 0})
    assert run.source.began_at == [{"seq": 0}, {"seq": 2}]


async def test_the_way_up_and_the_way_down_are_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    However many readings and failed attempts there are.
    """
    gone = SourceError("gone")
    run = await Run(monkeypatch, [{"seq": 1}, {"seq": 2}, gone], [gone], [gone], [{"seq": 3}, gone]).ended()
    assert run.told == ["source_up", "source_down", "source_up", "source_down"]
    assert run.supervisor.state.why == "gone"


async def test_what_is_told_of_a_source_does_not_move_its_position(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    It carries the position of the reading before.
    """
    run = await Run(monkeypatch, [{"seq": 1}, SourceError("gone")]).ended()
    assert run.positions == [{"seq": 1}, {"seq": 1}, {"seq": 1}]


async def test_waits_grow_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    From a quarter of a second to 15 seconds.
    """
    attempts: list[list[Step]] = [[SourceError("gone")] for _ in range(9)]
    run = await Run(monkeypatch, *attempts).ended()
    assert run.waits_s == [0.25, 0.5, 1, 2, 4, 8, 15, 15, 15]


async def test_a_reading_makes_the_next_wait_short_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    It has worked meanwhile.
    """
    gone = SourceError("gone")
    run = await Run(monkeypatch, [gone], [gone], [{"seq": 1}, gone]).ended()
    assert run.waits_s == [0.25, 0.5, 0.25]


async def test_an_input_that_ends_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    No source ends by itself.
    """
    run = await Run(monkeypatch, [{"seq": 1}], [SourceError("x")]).ended()
    assert run.told == ["source_up", "source_down"]


async def test_a_fault_that_nobody_foresaw_ends_only_this_attempt(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """
    It is logged with its traceback, and the source is started again.
    """
    run = await Run(monkeypatch, [RuntimeError("a fault")], [SourceError("x")]).ended()
    assert len(run.source.began_at) == 2
    assert "a fault" in caplog.text


async def test_a_source_that_was_never_there_is_asked_for_quietly(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """
    "auto" on a host without Docker is no fault.
    """
    run = await Run(monkeypatch, [SourceMissingError("not there")]).ended()
    assert run.told == []
    assert not run.supervisor.state.missed
    assert [record.levelno for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_source_that_was_asked_for_is_missed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Somebody named it in the configuration.
    """
    run = await Run(monkeypatch, [SourceMissingError("not there")], required=True).ended()
    assert run.told == ["source_down"]
    assert run.supervisor.state.missed


async def test_a_source_that_was_up_is_missed_when_it_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Asked for or not.
    """
    run = await Run(monkeypatch, [{"seq": 1}, SourceMissingError("removed")]).ended()
    assert run.supervisor.state.missed


async def test_the_same_failure_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Not every 15 seconds for a night; and with the remedy, where there is one.
    """
    refused = PrivilegeError("reading /dev/kmsg is not permitted", "grant CAP_SYSLOG")
    await Run(monkeypatch, [refused], [refused], [refused]).ended()
    assert [record.getMessage() for record in caplog.records if record.name == "collector.supervisor"] == [
        "source kmsg is down: reading /dev/kmsg is not permitted; grant CAP_SYSLOG"
    ]

"""
How one source is kept running.
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator

import pytest

from collector.facts.observed import GapFact
from collector.runtime.supervisor import Supervisor
from collector.sources.base import Position, PrivilegeError, Reading, SourceError, SourceMissingError

Step = Position | Exception


class ScriptedSource:
    """
    Yields positions and raises errors from a script, one list for each attempt; then it waits for ever.
    """

    name = "kmsg"

    def __init__(self, *attempts: list[Step]) -> None:
        self.attempts = list(attempts)
        self.began_at: list[Position | None] = []
        self.requests = 0

    def request_watermark(self) -> None:
        self.requests += 1

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
    A supervisor that runs until the script of its source is done, with waits that take no time.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *attempts: list[Step], required: bool = False) -> None:
        self.source = ScriptedSource(*attempts)
        self.emitted: list[str] = []
        self.positions: list[Position] = []
        self.waits_s: list[float] = []
        self.idle = asyncio.Event()
        self.attempts = len(attempts)
        self.up_s = self.now_s = 0.0
        self.supervisor = Supervisor(
            self.source,
            required=required,
            emit=self._emit,
            wall_ns=lambda: 7,
            monotonic_s=lambda: self.now_s,
            rng=_LongestWait(),
        )
        monkeypatch.setattr(asyncio, "sleep", self._sleep)

    async def _emit(self, name: str, reading: Reading) -> None:
        self.positions.append(reading.position)
        if not reading.facts:
            self.now_s += self.up_s
        self.emitted += [fact.what for fact in reading.facts if isinstance(fact, GapFact)]

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


async def test_a_source_that_fails_restarts_from_its_last_position(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The first attempt starts at the stored position, the next at that of the last reading.
    """
    run = await Run(monkeypatch, [{"seq": 1}, {"seq": 2}, SourceError("gone")], [SourceError("gone")]).ended({"seq": 0})
    assert run.source.began_at == [{"seq": 0}, {"seq": 2}]


async def test_up_and_down_are_each_emitted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Only a change of state is emitted, however many readings and failed attempts there are.
    """
    gone = SourceError("gone")
    run = await Run(monkeypatch, [{"seq": 1}, {"seq": 2}, gone], [gone], [gone], [{"seq": 3}, gone]).ended()
    assert run.emitted == ["source_up", "source_down", "source_up", "source_down"]
    assert run.supervisor.state.why == "gone"


async def test_a_change_of_state_does_not_move_the_position(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Facts about the source itself carry the position of the reading before them.
    """
    run = await Run(monkeypatch, [{"seq": 1}, SourceError("gone")]).ended()
    assert run.positions == [{"seq": 1}] * 4


async def test_waits_grow_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The wait doubles from a quarter of a second up to 15 seconds.
    """
    attempts: list[list[Step]] = [[SourceError("gone")] for _ in range(9)]
    run = await Run(monkeypatch, *attempts).ended()
    assert run.waits_s == [0.25, 0.5, 1, 2, 4, 8, 15, 15, 15]


@pytest.mark.parametrize(("up_s", "wait_s"), [(60, 0.25), (59, 1)])
async def test_a_source_that_stays_up_makes_the_next_wait_short_again(
    monkeypatch: pytest.MonkeyPatch, up_s: float, wait_s: float
) -> None:
    """
    The back-off starts again after a minute; a reading alone is no sign that the source works.
    """
    gone = SourceError("gone")
    run = Run(monkeypatch, [gone], [gone], [{"seq": 1}, gone])
    run.up_s = up_s
    await run.ended()
    assert run.waits_s == [0.25, 0.5, wait_s]


async def test_an_input_that_ends_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A source never ends by itself, so the end of its input counts as a failure.
    """
    run = await Run(monkeypatch, [{"seq": 1}], [SourceError("x")]).ended()
    assert run.emitted == ["source_up", "source_down"]


async def test_an_unexpected_error_ends_only_this_attempt(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """
    An unexpected error is logged with its traceback, and the source is restarted.
    """
    run = await Run(monkeypatch, [RuntimeError("a fault")], [SourceError("x")]).ended()
    assert len(run.source.began_at) == 2
    assert "a fault" in caplog.text


async def test_a_kind_of_unexpected_error_has_one_traceback(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Errors of one class from one line of code are one kind; each is logged, and only the first with its traceback.
    """
    attempts: list[list[Step]] = [[RuntimeError(f"fault {number}")] for number in range(5)]
    await Run(monkeypatch, *attempts, [KeyError("another")]).ended()
    faults = [record for record in caplog.records if "unexpected error" in record.message]
    assert [bool(record.exc_info) for record in faults] == [True, False, False, False, False, True]


async def test_the_absence_of_an_optional_source_is_not_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """
    "auto" on a host without Docker is normal.
    """
    run = await Run(monkeypatch, [SourceMissingError("not there")]).ended()
    assert run.emitted == []
    assert not run.supervisor.state.missed
    assert [record.levelno for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_required_source_is_missed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A source with `enabled = true` that is missing makes the agent unready.
    """
    run = await Run(monkeypatch, [SourceMissingError("not there")], required=True).ended()
    assert run.emitted == ["source_down"]
    assert run.supervisor.state.missed


async def test_a_source_that_was_up_is_missed_when_it_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A source that has been up is missed when it is gone, even if it is optional.
    """
    run = await Run(monkeypatch, [{"seq": 1}, SourceMissingError("removed")]).ended()
    assert run.supervisor.state.missed


async def test_the_same_failure_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """
    A repeated failure is not logged every 15 seconds. The line names the remedy if there is one.
    """
    refused = PrivilegeError("reading /dev/kmsg is not permitted", "grant CAP_SYSLOG")
    await Run(monkeypatch, [refused], [refused], [refused]).ended()
    assert [record.getMessage() for record in caplog.records if record.name == "collector.runtime.supervisor"] == [
        "source kmsg is down: reading /dev/kmsg is not permitted; grant CAP_SYSLOG"
    ]


async def test_only_a_source_that_is_up_is_asked_for_a_watermark(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A source that is down has nothing to state, and is asked again when it is up.
    """
    run = Run(monkeypatch, [{"seq": 1}], [])
    run.supervisor.request_watermark()
    assert run.source.requests == 0
    run.supervisor.state.up = True
    run.supervisor.request_watermark()
    assert run.source.requests == 1

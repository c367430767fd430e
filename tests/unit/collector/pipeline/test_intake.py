"""
From readings to stored events and positions, over a real store and a real analyzer.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from collector.analyzer import Analyzer
from collector.facts.observed import Fact, GapFact
from collector.facts.restored import RestoredRunFact
from collector.facts.watermark import WatermarkFact
from collector.metrics import Metrics
from collector.pipeline.committer import Committer
from collector.pipeline.intake import Intake
from collector.pipeline.lateness import Lateness
from collector.pipeline.watermark_requests import WatermarkRequests
from collector.publish.agent import AgentEvents
from collector.sources.base import Position, Reading
from collector.store import Store, StoredEvent
from collector.store.errors import StoreUnavailableError
from parsers.docker_event import DockerAction
from sinks.base import SinkConfig
from sinks.event import GapKind
from tests.unit.collector.correlate.scene import THIS_HOST, A, docker, ended, killed, line, marked, ns, report

SINK = SinkConfig(name="bus", type="stdout")
SECOND = 1_000_000_000
Commit = Callable[[Sequence[StoredEvent], Mapping[str, Position]], Coroutine[Any, Any, int]]


class Agent:
    """
    An intake and a committer with everything that they need, and a clock that the test moves.
    """

    def __init__(self, store: Store) -> None:
        self.metrics = Metrics(sources=["kmsg"], sinks=["bus"])
        self.now_ns = ns(0)
        self.stored = asyncio.Event()
        self.store = store
        self.committer = Committer(
            store,
            [SINK],
            agent_events=AgentEvents(host=THIS_HOST),
            metrics=self.metrics,
            on_stored=self.stored.set,
            clock_ns=self._clock_ns,
        )
        self.intake = Intake(Analyzer(THIS_HOST), self.committer, metrics=self.metrics, clock_ns=self._clock_ns)

    def _clock_ns(self) -> int:
        """
        Advance by a tenth of a millisecond at each call.
        """
        self.now_ns += 100_000
        return self.now_ns

    async def put(self, source: str, seq: int, *facts: Fact) -> None:
        await self.intake.put(source, Reading(facts=facts, position={"seq": seq}))

    async def types(self) -> list[str]:
        return [event.type for event in await self.store.events()]


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Agent]:
    store = await Store.open(tmp_path / "s.db")
    yield Agent(store)
    await store.aclose()


@asynccontextmanager
async def running(agent: Agent) -> AsyncIterator[None]:
    task = asyncio.get_running_loop().create_task(agent.intake.run())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 (a thread writes the store)
            await asyncio.sleep(0.001)


async def taken(agent: Agent) -> None:
    """
    Wait until the intake has taken everything that was put.
    """
    await until(lambda: agent.intake._inbox.empty)
    for _ in range(10):
        await asyncio.sleep(0)


def gap(what: GapKind = GapKind.RECORDS_LOST) -> GapFact:
    return GapFact(source="kmsg", what=what, at_ns=ns(1), text="12 records are gone", count=12)


async def test_an_event_is_stored_for_its_sinks_and_delivery_is_woken(agent: Agent) -> None:
    """
    The stored body is what will be sent.
    """
    async with running(agent):
        await agent.put("kmsg", 1, gap())
        await asyncio.wait_for(agent.stored.wait(), 5)
    assert await agent.types() == ["exit137.agent"]
    (pending,) = await agent.store.pending("bus", 10, 0)
    assert b"12 records are gone" in pending.outgoing.body


async def test_events_and_the_position_behind_them_are_stored_together(agent: Agent) -> None:
    """
    The position behind an event is committed with it.
    """
    async with running(agent):
        await agent.put("kmsg", 7, gap())
        await asyncio.wait_for(agent.stored.wait(), 5)
    assert await agent.store.positions() == {"kmsg": {"seq": 7}}


async def test_a_position_never_passes_what_is_held(agent: Agent) -> None:
    """
    A death that waits for its verdict must be read again if the agent dies now.
    """
    async with running(agent):
        await agent.put("docker", 1, docker(DockerAction.START, 0, A))
        await agent.put("docker", 2, docker(DockerAction.DIE, 5, A, exit_code=1))
        await agent.put("kmsg", 1, gap())
        await asyncio.wait_for(agent.stored.wait(), 5)
    assert await agent.store.positions() == {"kmsg": {"seq": 1}, "docker": {"seq": 1}}


async def test_positions_are_stored_in_steps_while_much_is_read(agent: Agent) -> None:
    """
    Each commit includes the position of the last analyzed fact, so that an agent that dies often still advances.
    """
    commits: list[dict[str, Position]] = []
    agent.store.commit = recording(agent.store, commits)  # type: ignore[assignment, method-assign]
    for seq in range(1, 201):
        await agent.put("kmsg", seq, gap())
    await agent.intake.drain(10)
    assert [commit["kmsg"]["seq"] for commit in commits if commit] == [64, 128, 192, 200]


async def test_large_events_are_stored_in_parts_and_their_positions_with_the_last(agent: Agent) -> None:
    """
    Each part is small enough for the smallest store. A crash between two parts leads to the same event ids again.
    """
    commits: list[dict[str, Position]] = []
    agent.store.commit = recording(agent.store, commits)  # type: ignore[assignment, method-assign]
    large = [GapFact(source="kmsg", what=f"gap {number}", at_ns=ns(1), text="x" * 60_000) for number in range(12)]
    await agent.put("kmsg", 1, *large)
    await agent.intake.drain(10)
    assert commits[:3] == [{}, {}, {"kmsg": {"seq": 1}}]
    assert len(await agent.types()) == 12


async def test_positions_without_events_are_stored_when_they_are_due(agent: Agent) -> None:
    """
    An idle agent stores its positions every five seconds, not for each line that it reads.
    """
    commits: list[dict[str, Position]] = []
    agent.store.commit = recording(agent.store, commits)  # type: ignore[assignment, method-assign]
    async with running(agent):
        await agent.put("kmsg", 1)
        await agent.put("kmsg", 2)
        await taken(agent)
        assert commits == []
        agent.now_ns += 5 * SECOND
        await agent.put("kmsg", 3)
        await until(lambda: bool(commits))
    assert commits == [{"kmsg": {"seq": 3}}]


async def test_a_full_disk_holds_everything_up(
    agent: Agent, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """
    The commit is retried until the disk takes it, and nothing is read meanwhile. The trouble is logged once.
    """
    full = StoreUnavailableError(Path("s.db"), "database or disk is full")
    attempts: list[dict[str, Position]] = []
    agent.store.commit = recording(agent.store, attempts, full, full)  # type: ignore[assignment, method-assign]
    monkeypatch.setattr("collector.pipeline.committer._UNAVAILABLE_RETRY_S", 0)
    async with running(agent):
        await agent.put("kmsg", 1, gap())
        await asyncio.wait_for(agent.stored.wait(), 5)
    assert len(attempts) == 3
    assert await agent.types() == ["exit137.agent"]
    assert [record.levelname for record in caplog.records if "stor" in record.message] == ["ERROR", "WARNING"]


async def test_draining_publishes_what_still_waits(agent: Agent) -> None:
    """
    After the sources have stopped, kills and deaths are published and the positions stored.
    """
    await agent.put("kmsg", 1, *report(4000, A, at_s=1), line("eth0: link up", 1.1))
    await agent.put("docker", 1, docker(DockerAction.DIE, 2, A, exit_code=0), ended(finished_s=2, exit_code=0))
    await agent.intake.drain(10)
    assert sorted(await agent.types()) == ["exit137.container_death", "exit137.oom_kill"]
    assert await agent.store.positions() == {"kmsg": {"seq": 1}, "docker": {"seq": 1}}


async def test_draining_does_not_wait_for_a_full_disk(agent: Agent) -> None:
    """
    What could not be stored by the deadline is read again after the next start.
    """
    full = StoreUnavailableError(Path("s.db"), "database or disk is full")
    agent.store.commit = recording(agent.store, [], *[full] * 1000)  # type: ignore[assignment, method-assign]
    await agent.put("kmsg", 1, gap())
    async with asyncio.timeout(2):
        await agent.intake.drain(0.05)
    assert agent.committer.trouble is not None
    assert await agent.store.positions() == {}


async def test_what_is_not_decided_in_time_is_read_again(agent: Agent) -> None:
    """
    The stored position stays before a kill that was not published yet.
    """
    await agent.put("kmsg", 1)
    await agent.put("kmsg", 2, line(killed(10), 1))
    await agent.intake.drain(0.001)
    assert await agent.store.positions() in ({}, {"kmsg": {"seq": 1}})
    assert await agent.types() == []


async def test_an_event_that_was_stored_before_wakes_nobody(agent: Agent) -> None:
    """
    Facts that are read again after a crash lead to the same ids, and a known id is not stored or sent again.
    """
    await agent.put("kmsg", 1, gap())
    await agent.intake.drain(10)
    agent.stored.clear()
    await agent.put("kmsg", 1, gap())
    await agent.intake.drain(10)
    assert not agent.stored.is_set()
    assert await agent.types() == ["exit137.agent"]


async def test_a_source_that_is_faster_than_the_agent_waits(agent: Agent) -> None:
    """
    The inbox is bounded, so that what was not read yet stays where it was written.
    """
    for seq in range(256):
        await agent.put("kmsg", seq)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(agent.put("kmsg", 256), 0.01)


async def test_facts_and_gaps_are_counted(agent: Agent) -> None:
    """
    Every fact is counted, and every gap but the ups and downs of a source.
    """
    await agent.put("kmsg", 1, gap(GapKind.SOURCE_UP), gap())
    await agent.intake.drain(10)
    assert agent.metrics.value("exit137_source_facts", "kmsg") == 2
    assert agent.metrics.value("exit137_source_gaps", "kmsg", "records_lost") == 1


async def test_a_fact_that_cannot_be_processed_is_published_and_skipped(agent: Agent) -> None:
    """
    An error in the agent itself does not stop it: it continues with the next fact, and the position advances.
    """
    broken = docker(DockerAction.DIE, 0, container_id=["no", "id"])  # type: ignore[arg-type]
    async with running(agent):
        await agent.put("docker", 1, broken, broken)
        await agent.put("kmsg", 2, *report(7, A, 1))
        await until(lambda: agent.metrics.value("exit137_events", "exit137.oom_kill", "none") == 1)
    (event,) = [stored for stored in await agent.store.events() if stored.type == "exit137.agent"]
    assert b"fact_failed" in event.body
    assert agent.metrics.value("exit137_source_gaps", "docker", "fact_failed") == 2


async def test_restored_facts_are_known_before_anything_is_read(agent: Agent) -> None:
    """
    A run that was going on when the agent stopped, and has ended since, is published as a death.
    """
    run = RestoredRunFact(container_id=A, name="box-a", image=None, boot_id=None, started_at_ns=ns(0), main_pid=4000)
    agent.intake.restore([run])
    await agent.put("docker", 1, ended(finished_s=5, exit_code=0))
    await agent.intake.drain(10)
    assert await agent.types() == ["exit137.container_death"]


def recording(store: Store, commits: list[dict[str, Position]], *failures: Exception) -> Commit:
    """
    Return the store's commit, wrapped: it raises the failures first, and records the positions of each attempt.
    """
    commit, left = store.commit, list(failures)

    async def commit_or_fail(events: Sequence[StoredEvent], positions: Mapping[str, Position]) -> int:
        commits.append(dict(positions))
        if left:
            raise left.pop()
        return await commit(events, positions)

    return commit_or_fail


async def test_the_lag_of_a_source_is_measured_by_each_of_its_facts(agent: Agent) -> None:
    """
    The trace source sends no gap and no kernel line while it runs; its lag is true all the same.
    """
    async with running(agent):
        await agent.put("trace", 1, replace(marked(7), at_ns=time.time_ns() - 3 * SECOND))
        await taken(agent)
    lag_s = agent.metrics.value("exit137_source_lag_seconds", "trace")
    assert lag_s is not None
    assert 3 <= lag_s < 60


async def test_sources_are_asked_for_watermarks_while_something_waits(agent: Agent) -> None:
    """
    The intake wakes by itself and asks again, until the analyzer wants no watermarks.
    """
    asked: list[int] = []
    agent.intake._watermarks = WatermarkRequests(lambda: asked.append(agent.now_ns))
    waits = [True, True, True]
    agent.intake._analyzer.wants_watermarks = lambda _now_ns: bool(waits and waits.pop())  # type: ignore[method-assign]
    async with running(agent):
        await agent.put("kmsg", 1, gap())
        await until(lambda: not waits)
    assert len(asked) >= 1


async def test_after_the_sources_have_ended_nothing_waits_for_them(agent: Agent) -> None:
    """
    The analyzer learns that no more evidence will come before the last deadlines are waited for.
    """
    ended: list[bool] = []
    agent.intake._analyzer.sources_ended = lambda: ended.append(True)  # type: ignore[method-assign]
    await agent.intake.drain(10)
    assert ended == [True]


async def test_a_watermark_measures_the_lag_and_is_not_counted_as_a_fact(agent: Agent) -> None:
    """
    The lag of a source is that of its newest statement; a watermark is no evidence.
    """
    await agent.put("kmsg", 1, WatermarkFact(source="kmsg", read_until_ns=time.time_ns() - 3 * SECOND))
    await agent.intake.drain(10)
    assert agent.metrics.value("exit137_source_facts", "kmsg") == 0
    lag_s = agent.metrics.value("exit137_source_lag_seconds", "kmsg")
    assert lag_s is not None
    assert 3 <= lag_s < 10


async def test_less_is_done_while_the_agent_is_behind(agent: Agent) -> None:
    """
    The sources and the analyzer learn when the agent falls behind and when it has caught up.
    """
    heard: list[bool] = []
    agent.intake._on_behind = heard.append
    agent.intake.lateness = Lateness(0, agent._clock_ns)
    late = WatermarkFact(source="kmsg", read_until_ns=time.time_ns() - 6 * SECOND)
    async with running(agent):
        await agent.put("kmsg", 1, late)
        await until(lambda: heard == [True])
        assert agent.intake._analyzer._is_behind
        await agent.put("kmsg", 2, replace(late, read_until_ns=time.time_ns()))
        await taken(agent)
        agent.now_ns += 5 * SECOND
        await agent.put("kmsg", 3)
        await until(lambda: heard == [True, False])
        assert not agent.intake._analyzer._is_behind


async def test_each_batch_is_progress(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    An agent that works through a long backlog on a starved host is slow, not stalled.
    """
    ages_s: list[float] = []
    analyze = agent.intake._analyze

    def slowly(source: str, reading: Reading) -> None:
        agent.now_ns += 5 * SECOND
        ages_s.append(agent.intake.since_progress_s())
        analyze(source, reading)

    monkeypatch.setattr(agent.intake, "_analyze", slowly)
    async with running(agent):
        for ordinal in range(10):
            await agent.put("kmsg", ordinal, *(line("usb 1-1: new device", 1) for _ in range(64)))
        await until(lambda: len(ages_s) >= 10)
    assert max(ages_s) < 30

"""
Where all sources meet, over a real store and a real correlator.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from collector.correlate.correlator import Correlator
from collector.correlate.facts import Fact, GapFact, RememberedRunFact
from collector.intake import Intake
from collector.metrics import Metrics
from collector.sources.base import Position, Reading
from collector.store import Store, StoredEvent
from collector.store.errors import StoreUnavailableError
from parsers.docker_event import DockerAction
from sinks.base import SinkConfig
from tests.unit.collector.correlate.scene import THIS_HOST, A, docker, ended, killed, line, ns, report

SINK = SinkConfig(name="bus", type="stdout")
SECOND = 1_000_000_000
Commit = Callable[[Sequence[StoredEvent], Mapping[str, Position]], Coroutine[Any, Any, int]]


class Agent:
    """
    An intake with all that it needs, and a clock that goes on when it is told.
    """

    def __init__(self, store: Store) -> None:
        self.metrics = Metrics(sources=["kmsg"], sinks=["bus"])
        self.now_ns = ns(0)
        self.stored = asyncio.Event()
        self.store = store
        self.intake = Intake(
            Correlator(THIS_HOST),
            store,
            [SINK],
            metrics=self.metrics,
            stored=self.stored.set,
            clock_ns=self._clock_ns,
        )

    def _clock_ns(self) -> int:
        """
        A look at it takes a tenth of a millisecond.
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
    Until the intake has taken all that was put.
    """
    await until(lambda: agent.intake._inbox.empty)
    for _ in range(10):
        await asyncio.sleep(0)


def gap(what: str = "records_lost") -> GapFact:
    return GapFact(source="kmsg", what=what, at_ns=ns(1), text="12 records are gone", count=12)


async def test_an_event_is_stored_for_its_sinks_and_delivery_is_woken(agent: Agent) -> None:
    """
    With its body as it will be sent.
    """
    async with running(agent):
        await agent.put("kmsg", 1, gap())
        await asyncio.wait_for(agent.stored.wait(), 5)
    assert await agent.types() == ["exit137.agent"]
    (pending,) = await agent.store.pending("bus", 10, 0)
    assert b"12 records are gone" in pending.outgoing.body


async def test_events_and_the_position_behind_them_are_stored_together(agent: Agent) -> None:
    """
    Neither without the other.
    """
    async with running(agent):
        await agent.put("kmsg", 7, gap())
        await asyncio.wait_for(agent.stored.wait(), 5)
    assert await agent.store.positions() == {"kmsg": {"seq": 7}}


async def test_a_position_never_passes_what_is_held(agent: Agent) -> None:
    """
    The end that waits for its verdict must be read again if the agent dies now.
    """
    async with running(agent):
        await agent.put("docker", 1, docker(DockerAction.START, 0, A))
        await agent.put("docker", 2, docker(DockerAction.DIE, 5, A, exit_code=1))
        await agent.put("kmsg", 1, gap())
        await asyncio.wait_for(agent.stored.wait(), 5)
    assert await agent.store.positions() == {"kmsg": {"seq": 1}, "docker": {"seq": 1}}


async def test_of_much_that_is_there_positions_follow_little_by_little(agent: Agent) -> None:
    """
    Each commit takes the position with it up to what was fed, and no further: an agent that dies often still gets on.
    """
    commits: list[dict[str, Position]] = []
    agent.store.commit = noting(agent.store, commits)  # type: ignore[assignment, method-assign]
    for seq in range(1, 201):
        await agent.put("kmsg", seq, gap())
    await agent.intake.settle(1)
    assert [commit["kmsg"]["seq"] for commit in commits if commit] == [64, 128, 192, 200]


async def test_large_events_are_stored_in_parts_and_their_positions_with_the_last(agent: Agent) -> None:
    """
    Each part is small enough for the smallest store; a crash in between gives the same ids again.
    """
    commits: list[dict[str, Position]] = []
    agent.store.commit = noting(agent.store, commits)  # type: ignore[assignment, method-assign]
    large = [GapFact(source="kmsg", what=f"gap {number}", at_ns=ns(1), text="x" * 60_000) for number in range(12)]
    await agent.put("kmsg", 1, *large)
    await agent.intake.settle(1)
    assert commits[:3] == [{}, {}, {"kmsg": {"seq": 1}}]
    assert len(await agent.types()) == 12


async def test_positions_without_events_are_stored_when_they_are_due(agent: Agent) -> None:
    """
    Every five seconds: an idle agent does not write for each line that it reads.
    """
    commits: list[dict[str, Position]] = []
    agent.store.commit = noting(agent.store, commits)  # type: ignore[assignment, method-assign]
    async with running(agent):
        await agent.put("kmsg", 1)
        await agent.put("kmsg", 2)
        await taken(agent)
        assert commits == []
        agent.now_ns += 5 * SECOND
        await agent.put("kmsg", 3)
        await until(lambda: bool(commits))
    assert commits == [{"kmsg": {"seq": 3}}]


async def test_a_disk_that_is_full_holds_everything_up(
    agent: Agent, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """
    It is tried again until it takes the events: nothing is read and forgotten. That is logged once.
    """
    full = StoreUnavailableError(Path("s.db"), "database or disk is full")
    attempts: list[dict[str, Position]] = []
    agent.store.commit = noting(agent.store, attempts, full, full)  # type: ignore[assignment, method-assign]
    monkeypatch.setattr("collector.intake._STORE_RETRY_S", 0)
    async with running(agent):
        await agent.put("kmsg", 1, gap())
        await asyncio.wait_for(agent.stored.wait(), 5)
    assert len(attempts) == 3
    assert await agent.types() == ["exit137.agent"]
    assert [record.levelname for record in caplog.records if "stor" in record.message] == ["ERROR", "WARNING"]


async def test_the_end_lets_what_waits_come_to_its_end(agent: Agent) -> None:
    """
    No source reads any more: kills and deaths are told, and the positions stored.
    """
    await agent.put("kmsg", 1, *report(4000, A, at_s=1), line("eth0: link up", 1.1))
    await agent.put("docker", 1, docker(DockerAction.DIE, 2, A, exit_code=0), ended(finished_s=2, exit_code=0))
    await agent.intake.settle(1)
    assert sorted(await agent.types()) == ["exit137.container_death", "exit137.oom_kill"]
    assert await agent.store.positions() == {"kmsg": {"seq": 1}, "docker": {"seq": 1}}


async def test_the_end_does_not_wait_for_a_disk_that_is_full(agent: Agent) -> None:
    """
    What could not be stored until the deadline is read again after the next start.
    """
    full = StoreUnavailableError(Path("s.db"), "database or disk is full")
    agent.store.commit = noting(agent.store, [], *[full] * 1000)  # type: ignore[assignment, method-assign]
    await agent.put("kmsg", 1, gap())
    async with asyncio.timeout(2):
        await agent.intake.settle(0.05)
    assert agent.intake.trouble is not None
    assert await agent.store.positions() == {}


async def test_what_does_not_settle_in_time_is_read_again(agent: Agent) -> None:
    """
    Its position stays before it.
    """
    await agent.put("kmsg", 1)
    await agent.put("kmsg", 2, line(killed(10), 1))
    await agent.intake.settle(0.001)
    assert await agent.store.positions() in ({}, {"kmsg": {"seq": 1}})
    assert await agent.types() == []


async def test_an_event_that_was_stored_before_wakes_nobody(agent: Agent) -> None:
    """
    What is read again after a crash gives the same ids.
    """
    await agent.put("kmsg", 1, gap())
    await agent.intake.settle(1)
    agent.stored.clear()
    await agent.put("kmsg", 1, gap())
    await agent.intake.settle(1)
    assert not agent.stored.is_set()
    assert await agent.types() == ["exit137.agent"]


async def test_a_source_that_is_faster_than_the_agent_waits(agent: Agent) -> None:
    """
    The queue is bounded: what was not read yet stays where it was written.
    """
    for seq in range(256):
        await agent.put("kmsg", seq)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(agent.put("kmsg", 256), 0.01)


async def test_facts_and_gaps_are_counted(agent: Agent) -> None:
    """
    Nothing is lost silently.
    """
    await agent.put("kmsg", 1, gap("source_up"), gap())
    await agent.intake.settle(1)
    assert agent.metrics.value("exit137_source_facts", "kmsg") == 2
    assert agent.metrics.value("exit137_source_gaps", "kmsg", "records_lost") == 1


async def test_a_fact_that_cannot_be_followed_is_told_and_left_behind(agent: Agent) -> None:
    """
    Whatever is wrong with the agent itself: it goes on with the next, and its position moves on.
    """
    broken = docker(DockerAction.DIE, 0, container_id=["no", "id"])  # type: ignore[arg-type]
    async with running(agent):
        await agent.put("docker", 1, broken, broken)
        await agent.put("kmsg", 2, *report(7, A, 1))
        await until(lambda: agent.metrics.value("exit137_events", "exit137.oom_kill", "none") == 1)
    (told,) = [event for event in await agent.store.events() if event.type == "exit137.agent"]
    assert b"fact_failed" in told.body
    assert agent.metrics.value("exit137_source_gaps", "docker", "fact_failed") == 2


async def test_what_is_remembered_is_known_before_anything_is_read(agent: Agent) -> None:
    """
    A run that went on when the agent was stopped, and has ended since.
    """
    run = RememberedRunFact(container_id=A, name="box-a", image=None, boot_id=None, started_at_ns=ns(0), main_pid=4000)
    agent.intake.remember([run])
    await agent.put("docker", 1, ended(finished_s=5, exit_code=0))
    await agent.intake.settle(1)
    assert await agent.types() == ["exit137.container_death"]


def noting(store: Store, commits: list[dict[str, Position]], *failures: Exception) -> Commit:
    """
    The store's commit, which fails as told at first; what it was to store is noted.
    """
    commit, left = store.commit, list(failures)

    async def noted(events: Sequence[StoredEvent], positions: Mapping[str, Position]) -> int:
        commits.append(dict(positions))
        if left:
            raise left.pop()
        return await commit(events, positions)

    return noted

"""
When positions are stored: never before what they stand behind.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from collector.facts.observed import GapFact
from collector.sources.base import Position
from collector.store import Store, StoredEvent
from collector.store.errors import StoreUnavailableError
from parsers.docker_event import DockerAction
from tests.unit.collector.correlate.scene import A, docker, ended, killed, line, ns, report
from tests.unit.collector.pipeline.intake_agent import SECOND, Agent, Commit, gap, running, taken, until


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
